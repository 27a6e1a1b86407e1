import type { HttpHandler, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import type { Faults } from "../rsp-server/faults.ts";
import { json } from "../rsp-server/http/json-function.ts";
import { failing, onGet, pathOf } from "../rsp-server/http/rsp-face.ts";
import type { SmdsContext } from "./context.ts";
import type { EventRecord } from "./event.ts";

/** What a test bench reaches over plain HTTP on the loopback: events and faults. Never to be offered to a network. */
export function benchFace(smds: SmdsContext, faults: Faults, healthz: () => OutgoingResponse): HttpHandler {
	return (request) => {
		const path = pathOf(request);
		if (path === "/healthz") return healthz();
		if (path === "/bench/v1/faults") return failing(() => faults.change(request));
		if (path !== "/bench/v1/events") return { status: 404 };
		const eid = new URLSearchParams(request.path.split("?")[1] ?? "").get("eid");
		return onGet(request, () => json(200, (eid === null ? smds.events.list() : smds.events.of(eid)).map(shown)));
	};
}

function shown({ registeredAt, expiresAt, ...event }: EventRecord) {
	const [registered, expires] = [registeredAt, expiresAt].map((at) => new Date(at).toISOString());
	return { ...event, registeredAt: registered, expiresAt: expires };
}
