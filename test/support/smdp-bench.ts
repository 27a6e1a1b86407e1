/** A real SM-DP+ in this process, its ES9+ line to the eIM, and its operator. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Es9PlusHttp } from "@iot-esim/eim/es9plus/http";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { loadPki, savePki } from "@iot-esim/sim/pki/pki-directory";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { credentialsOf } from "@iot-esim/sim/smdp/credentials";
import { profileFromFile } from "@iot-esim/sim/smdp/orders/import-profile";
import type { NewProfile } from "@iot-esim/sim/smdp/orders/inventory";
import { createSmdp, type Smdp } from "@iot-esim/sim/smdp/smdp";
import { observeServer } from "../conformance/observation.ts";

/** Address of the SM-DP+. */
export const SMDP = "smdp.example.com";

/** ES9+ straight into the handlers of the SM-DP+; without a handler the line is cut. */
export class Es9PlusLine implements Es9PlusHttp {
	handler: HttpHandler | undefined;
	readonly paths: string[] = [];

	async request({ url, headers, body }: { url: string; headers: Readonly<Record<string, string>>; body: Uint8Array }) {
		const { pathname, hostname } = new URL(url);
		this.paths.push(pathname);
		if (this.handler === undefined || hostname !== SMDP) throw new EsimError("TRANSPORT_UNREACHABLE", "no line");
		observeServer("SM-DP+", "eIM", pathname, body);
		const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
		const { signal } = new AbortController();
		const request = { method: "POST", path: pathname, headers: lower, body, remoteAddress: "192.0.2.2", signal };
		const answer = await this.handler(request);
		const sent = answer.body ?? new Uint8Array();
		if (typeof sent !== "string" && !(sent instanceof Uint8Array)) throw new Error("a whole body is expected");
		return { status: answer.status, body: typeof sent === "string" ? utf8(sent) : sent };
	}
}

/** An SM-DP+ whose folder goes with `close`. */
export function smdpBench(
	now: () => number,
	pki: TestPki,
	address = SMDP,
): { readonly smdp: Smdp; readonly close: () => void } {
	const folder = mkdtempSync(path.join(tmpdir(), "smdp-bench-"));
	savePki(path.join(folder, "pki"), pki);
	const smdp = createSmdp({
		stateFolder: path.join(folder, "state"),
		credentials: [credentialsOf(loadPki(path.join(folder, "pki")))],
		addresses: [address],
		clock: { now, schedule: (delay, task) => systemClock.schedule(delay, task) },
		random: systemRandom,
		logger: memoryLogger().logger,
	});
	return {
		smdp,
		close: () => {
			smdp.stop();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

/** Imports a profile, or one of this description (YAML), and releases it over ES2+; the matching id. */
export async function releaseProfile(
	smdp: Smdp,
	iccid: string,
	description: string | NewProfile,
	confirmation: Readonly<Record<string, unknown>> = {},
	smdpAddress = SMDP,
): Promise<string> {
	const isText = typeof description === "string";
	smdp.importProfile(
		isText ? profileFromFile({ fileName: "p.yaml", contents: utf8(description), smdpAddress }) : description,
	);
	const call = async (name: string, members: object) => {
		const header = { functionRequesterIdentifier: "op", functionCallIdentifier: `${name} ${iccid}` };
		const answer = await smdp.handle({
			method: "POST",
			path: `/gsma/rsp2/es2plus/${name}`,
			headers: { "content-type": "application/json" },
			body: utf8(JSON.stringify({ header, iccid, ...members })),
			remoteAddress: "127.0.0.1",
			signal: new AbortController().signal,
		});
		return JSON.parse(String(answer.body instanceof Uint8Array ? new TextDecoder().decode(answer.body) : answer.body));
	};
	await call("downloadOrder", {});
	const confirmed = await call("confirmOrder", { releaseFlag: true, ...confirmation });
	if (typeof confirmed.matchingId !== "string") throw new Error(`no order: ${JSON.stringify(confirmed)}`);
	return confirmed.matchingId;
}
