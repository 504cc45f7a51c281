SELECT person AS customer_id, COUNT(*) AS orders FROM orders WHERE placed_on <= :as_of GROUP BY person
