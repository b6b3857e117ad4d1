curl --fail-with-body https://YOUR-DESK/api/tickets \
  -H "Authorization: Bearer $DESKGATE_TOKEN" \
  -H "Content-Type: application/json" \
  -H "Idempotency-Key: order-4711-damaged" \
  -d '{
    "title": "Order 4711 arrived damaged",
    "description": "The box was open.",
    "priority": "high",
    "requester": {"email": "zoe@example.com", "name": "Zoe Park"}
  }'
