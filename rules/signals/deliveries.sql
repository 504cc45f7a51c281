-- Orders that have shipped.
-- key: order_id
SELECT customer_id, order_id, order_date, shipped_date
FROM orders
WHERE shipped_date <= :as_of
