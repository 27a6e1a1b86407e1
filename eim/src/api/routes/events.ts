import type { ServerResponse } from "node:http";
import type { Eid } from "@iot-esim/shared/ids/eid";
import { Type } from "@sinclair/typebox";
import type { EventType } from "../../domain/event.ts";
import type { EventFilter } from "../../storage/store.ts";
import type { ApiDeps } from "../api-deps.ts";
import { ApiError } from "../errors.ts";
import { streamEvents } from "../event-stream.ts";
import { AuditView, EidText, EventView, PageQuery, pageOf } from "../schemas.ts";
import type { ApiServer } from "../server.ts";
import { auditView, eventView } from "../views.ts";
import { responses } from "./responses.ts";

const tags = ["events"];
const EVENTS_PER_PAGE = 200;

export function eventRoutes(server: ApiServer, deps: ApiDeps): void {
	streamRoute(server, deps);
	auditRoute(server, deps);
}

const StreamQuery = Type.Object(
	{
		eid: Type.Optional(EidText),
		types: Type.Optional(Type.String({ description: "Event types separated by commas." })),
		after: Type.Optional(Type.Integer({ minimum: 0, description: "Begin behind the event with this id." })),
		limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: "Of a JSON page." })),
	},
	{ additionalProperties: false },
);

const streamSchema = {
	operationId: "followEvents",
	summary: "Events as they happen",
	description:
		"Server-sent events. With Last-Event-ID, or `after`, it begins behind that event; otherwise with what " +
		"happens from now on. With `Accept: application/json` it answers one page instead.",
	tags,
	produces: ["text/event-stream", "application/json"],
	querystring: StreamQuery,
	headers: Type.Object({ "last-event-id": Type.Optional(Type.Integer({ minimum: 0 })) }),
	response: responses({ 200: Type.Object({ items: Type.Array(EventView), lastId: Type.Integer() }) }, 503),
};

function streamRoute(server: ApiServer, deps: ApiDeps): void {
	const { store, limits } = deps;
	const streams = new Streams(deps);
	server.addHook("preClose", async () => streams.close());
	server.get("/api/v1/events", { schema: streamSchema }, async (request, reply) => {
		const { eid, types, limit = EVENTS_PER_PAGE } = request.query;
		const wantsPage = (request.headers.accept ?? "").includes("application/json");
		const begin = request.headers["last-event-id"] ?? request.query.after;
		const last = await store.lastEventId();
		const filter = {
			// An id beyond the last one comes from before a restored backup: the reader begins with what happens now.
			after: Math.min(begin ?? (wantsPage ? 0 : last), last),
			...(eid === undefined ? {} : { eid: eid as Eid }),
			...(types === undefined ? {} : { types: types.split(",") as EventType[] }),
		};
		if (wantsPage) {
			const events = await store.listEvents({ ...filter, limit });
			return { items: events.map(eventView), lastId: events.at(-1)?.id ?? filter.after };
		}
		if (streams.count >= limits.streams) {
			throw new ApiError("API_STREAMS_EXHAUSTED", `${streams.count} event streams are open already`);
		}
		reply.hijack();
		await streams.serve(reply.raw, filter);
		return reply;
	});
}

/** The event streams that are open. */
class Streams {
	readonly #deps: ApiDeps;
	readonly #closing = new AbortController();
	count = 0;

	constructor(deps: ApiDeps) {
		this.#deps = deps;
	}

	async serve(response: ServerResponse, filter: Omit<EventFilter, "limit">): Promise<void> {
		const { store, clock, limits } = this.#deps;
		this.count++;
		try {
			response.writeHead(200, {
				"content-type": "text/event-stream",
				"cache-control": "no-store",
				// Proxies that buffer would hold events back until much later.
				"x-accel-buffering": "no",
			});
			const { signal } = this.#closing;
			await streamEvents(response, { store, clock, heartbeat: limits.streamHeartbeat, signal }, filter);
		} finally {
			this.count--;
		}
	}

	close(): void {
		this.#closing.abort();
	}
}

function auditRoute(server: ApiServer, { store }: ApiDeps): void {
	server.get(
		"/api/v1/audit",
		{
			schema: {
				operationId: "listAudit",
				summary: "Who changed what, newest first",
				tags,
				querystring: Type.Object(
					{ ...PageQuery, subject: Type.Optional(Type.String({ description: "An EID, operation id or key id." })) },
					{ additionalProperties: false },
				),
				response: responses({ 200: pageOf(AuditView) }),
			},
		},
		async ({ query }) => {
			const { limit = 50, cursor, subject } = query;
			const page = await store.listAudit({ limit, cursor, subject });
			return { ...page, items: page.items.map(auditView) };
		},
	);
}
