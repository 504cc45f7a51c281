-- Each ticket that is open: since when somebody waits for our answer, and when it was last reopened.
-- waiting_since is empty once we have written; reopened_at is empty if we never called it solved.
-- key: ticket_id
-- personal: subject
SELECT t.customer_id,
       t.ticket_id,
       t.subject,
       t.opened_at,
       w.happened_at AS waiting_since,
       r.happened_at AS reopened_at
FROM support_tickets t
LEFT JOIN ticket_events w ON w.event_id = (
    SELECT MIN(e.event_id) FROM ticket_events e
    WHERE e.ticket_id = t.ticket_id AND e.kind IN ('customer', 'reopened')
      AND e.happened_at <= :as_of
      AND NOT EXISTS (
          SELECT 1 FROM ticket_events a
          WHERE a.ticket_id = t.ticket_id AND a.kind IN ('staff', 'solved')
            AND a.happened_at <= :as_of AND a.event_id > e.event_id))
LEFT JOIN ticket_events r ON r.event_id = (
    SELECT MAX(e.event_id) FROM ticket_events e
    WHERE e.ticket_id = t.ticket_id AND e.kind = 'reopened' AND e.happened_at <= :as_of)
WHERE t.opened_at <= :as_of
  AND NOT EXISTS (
      SELECT 1 FROM ticket_events s
      WHERE s.ticket_id = t.ticket_id AND s.kind = 'solved' AND s.happened_at <= :as_of
        AND NOT EXISTS (
            SELECT 1 FROM ticket_events b
            WHERE b.ticket_id = t.ticket_id AND b.kind = 'reopened'
              AND b.happened_at <= :as_of AND b.event_id > s.event_id))
