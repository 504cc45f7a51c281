-- Orders that have not shipped.
-- key: order_id
SELECT customer_id, order_id, order_date, required_date
FROM orders
WHERE order_date <= :as_of
  AND (shipped_date IS NULL OR shipped_date > :as_of)
