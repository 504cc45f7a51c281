-- default: note = 0
SELECT person AS customer_id, note
FROM orders
WHERE placed_on <= :as_of
