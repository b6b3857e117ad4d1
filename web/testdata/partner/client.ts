// A partner's program against the types that were made from the document: it has to compile, and to work.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

declare const process: { env: Record<string, string | undefined> };
const { DESKGATE_URL, DESKGATE_TOKEN } = process.env;
const desk = createClient<paths>({ baseUrl: DESKGATE_URL!, headers: { authorization: `Bearer ${DESKGATE_TOKEN}` } });

function must<T>(answer: { data?: T; error?: components["schemas"]["Error"]; response: Response }): T {
  if (answer.error !== undefined || answer.data === undefined) {
    throw new Error(`${answer.response.status} ${answer.error?.code}: ${answer.error?.message}`);
  }
  return answer.data;
}

const ticket = must(await desk.POST("/api/tickets", {
  params: { header: { "Idempotency-Key": "night-1" } },
  body: { title: "Printer", description: "It burns.", priority: "high", requester: { email: "zoe@example.com", name: "Zoe" }, tags: ["fire"] },
}));
const comment = must(await desk.POST("/api/tickets/{id}/comments", { params: { path: { id: ticket.id } }, body: { body: "We come." } }));
const changed = must(await desk.PATCH("/api/tickets/{id}", { params: { path: { id: String(ticket.number) } }, body: { status: "pending", add_tags: ["hot"] } }));
const page = must(await desk.GET("/api/tickets", { params: { query: { status: "pending", limit: 10, include_total: true } } }));
const titles: string[] = page.data.map((t) => `${t.number} ${t.title} ${t.status} ${t.tags.join("+")}`);
const events = must(await desk.GET("/api/events", { params: { query: { type: "ticket.created" } } }));

const missing = await desk.GET("/api/tickets/{id}", { params: { path: { id: "4711" } } });
const code: components["schemas"]["ErrorCode"] | undefined = missing.error?.code;

// What the document does not allow does not compile.
// @ts-expect-error a priority that there is none of
const wrongPriority: components["schemas"]["NewTicket"] = { title: "x", description: "y", priority: "huge" };
// @ts-expect-error a ticket without a text
const wrongTicket: components["schemas"]["NewTicket"] = { title: "x" };
// @ts-expect-error a field that no ticket has
void changed.colour;
// @ts-expect-error an address that is not there
void desk.GET("/api/lamps");
void [wrongPriority, wrongTicket];

console.log(["visibility" in comment && comment.visibility, changed.version, page.total, titles.join(), events.data[0]?.type, missing.response.status, code].join("; "));
