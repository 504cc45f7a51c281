-- personal: name, mail, phone
SELECT id AS customer_id, name, email AS mail, phone, language AS locale, plan,
       agreed AS consents, refused AS refusals, since
FROM people
WHERE since <= :as_of
