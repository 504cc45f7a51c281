-- How many tickets a customer has open, and how many of those we had already called solved.
-- default: open = 0, reopened = 0
SELECT t.customer_id,
       COUNT(*) AS open,
       SUM(CASE WHEN EXISTS (
           SELECT 1 FROM ticket_events r
           WHERE r.ticket_id = t.ticket_id AND r.kind = 'reopened' AND r.happened_at <= :as_of
       ) THEN 1 ELSE 0 END) AS reopened
FROM support_tickets t
WHERE t.opened_at <= :as_of
  AND NOT EXISTS (
      SELECT 1 FROM ticket_events s
      WHERE s.ticket_id = t.ticket_id AND s.kind = 'solved' AND s.happened_at <= :as_of
        AND NOT EXISTS (
            SELECT 1 FROM ticket_events r
            WHERE r.ticket_id = t.ticket_id AND r.kind = 'reopened'
              AND r.happened_at <= :as_of AND r.event_id > s.event_id))
GROUP BY t.customer_id
