-- key: id
SELECT person AS customer_id, id, id AS order_id, total, placed_on, note
FROM orders
WHERE placed_on <= :as_of
