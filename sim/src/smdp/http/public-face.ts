import type { HttpHandler, OutgoingResponse } from "@iot-esim/shared/transport/http/server";
import { json } from "../../rsp-server/http/json-function.ts";
import { rspFace } from "../../rsp-server/http/rsp-face.ts";
import type { SmdpContext } from "../context.ts";
import { es2plusJson } from "../es2plus/functions.ts";
import { es9plusAsn1 } from "../es9plus/asn1-binding.ts";
import { es9plusJson } from "../es9plus/json-binding.ts";

/** What clients and operators reach over TLS: ES9+ in JSON and ASN.1, ES2+ in JSON, /healthz. */
export function publicFace(smdp: SmdpContext, options: { readonly isEs2plusPublic: boolean }): HttpHandler {
	return rspFace({
		json: { es9plus: es9plusJson(smdp), ...(options.isEs2plusPublic ? { es2plus: es2plusJson(smdp) } : {}) },
		asn1: es9plusAsn1(smdp),
		healthz: () => healthz(smdp),
		log: smdp.log,
	});
}

export function healthz(smdp: SmdpContext): OutgoingResponse {
	return json(200, { status: "ok", profiles: smdp.inventory.list().length, sessions: smdp.sessions.count });
}
