-- Orders that were late: on the day they were due they had not shipped, and did not that day.
-- No rule looks at it. It is what a backtest holds contacts against: was the customer told before?
-- key: order_id
-- happened: required_date
SELECT customer_id, order_id, required_date
FROM orders
WHERE required_date <= :as_of
  AND (shipped_date IS NULL OR shipped_date > :as_of OR shipped_date > required_date)
