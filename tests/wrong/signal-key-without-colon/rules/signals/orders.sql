-- Orders that have not shipped.
-- key order_id
SELECT person AS customer_id, id AS order_id, total, placed_on, note
FROM orders
WHERE placed_on <= :as_of AND (shipped_on IS NULL OR shipped_on > :as_of)
