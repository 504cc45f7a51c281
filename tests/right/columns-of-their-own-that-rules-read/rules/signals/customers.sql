-- personal: name, email, phone
SELECT id AS customer_id, name, email, phone, language, plan, agreed AS consents, refused IS NOT NULL AS opted_out, since
FROM people
WHERE since <= :as_of
