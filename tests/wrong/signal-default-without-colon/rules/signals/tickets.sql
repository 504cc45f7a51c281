-- default open = 0
SELECT person AS customer_id, COUNT(*) AS open, MAX(opened_on) AS last_opened
FROM tickets
WHERE opened_on <= :as_of
GROUP BY person
