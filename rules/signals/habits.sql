-- How a customer usually orders: how often, since when, and for how much in all.
-- Revenue is in whole dollars; it is added up in hundredths of a cent, so nothing is lost on the way.
-- default: orders = 0, revenue = 0
SELECT o.customer_id,
       COUNT(*) AS orders,
       MIN(o.order_date) AS first_order_date,
       MAX(o.order_date) AS last_order_date,
       CAST(SUM(l.amount) AS BIGINT) / 10000 AS revenue
FROM orders o
JOIN (
    SELECT order_id,
           SUM(quantity * CAST(ROUND(unit_price * 100) AS INTEGER)
               * (100 - CAST(ROUND(discount * 100) AS INTEGER))) AS amount
    FROM order_details
    GROUP BY order_id
) l ON l.order_id = o.order_id
WHERE o.order_date <= :as_of
GROUP BY o.customer_id
