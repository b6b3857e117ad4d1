/** Files a request. With the same key again, the answer is the first one: nothing is filed twice. */
export async function fileTicket(key, ticket) {
  const response = await fetch('https://YOUR-DESK/api/tickets', {
    method: 'POST',
    headers: {
      'Authorization': `Bearer ${process.env.DESKGATE_TOKEN}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': key,
    },
    body: JSON.stringify(ticket),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.code}: ${answer.error}`);
  return answer;
}
