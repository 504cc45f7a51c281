SELECT person AS customer_id FROM orders WHERE placed_on <= :as_of GROUP BY person
