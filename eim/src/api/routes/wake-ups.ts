import { Type } from "@sinclair/typebox";
import type { ApiDeps } from "../api-deps.ts";
import { EidText, PageQuery, pageOf } from "../schemas.ts";
import type { ApiServer } from "../server.ts";
import { WakeUpView } from "../wake-schemas.ts";
import { wakeUpView } from "../wake-views.ts";
import { deviceOf } from "./devices.ts";
import { responses } from "./responses.ts";

export function wakeUpRoutes(server: ApiServer, deps: ApiDeps): void {
	server.get(
		"/api/v1/devices/:eid/wake-ups",
		{
			schema: {
				operationId: "listWakeUps",
				summary: "When the device was woken because something waited for it, and what came of it, newest first",
				tags: ["devices"],
				params: Type.Object({ eid: EidText }),
				querystring: Type.Object(PageQuery, { additionalProperties: false }),
				response: responses({ 200: pageOf(WakeUpView) }, 404),
			},
		},
		async ({ params, query }) => {
			const { eid } = await deviceOf(deps, params.eid);
			const page = await deps.store.listWakeUps(eid, { limit: query.limit ?? 50, cursor: query.cursor });
			return { ...page, items: page.items.map(wakeUpView) };
		},
	);
}
