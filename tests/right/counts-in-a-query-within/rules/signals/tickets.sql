-- default: open = 0
-- key figures of what is open
-- default of none, as for most
SELECT DISTINCT person AS customer_id, COUNT(*) OVER (PARTITION BY person) AS open,
       (SELECT MAX(opened_on) FROM tickets AS t WHERE t.person = tickets.person AND t.opened_on <= :as_of) AS last_opened
FROM tickets
WHERE opened_on <= :as_of
