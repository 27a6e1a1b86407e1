/** An SM-DS over a temporary folder with a fake clock, as the tests of this folder use it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { loadPki, savePki } from "../../pki/pki-directory.ts";
import type { TestPki } from "../../pki/test-pki.ts";
import { serverCredentialsOf } from "../../rsp-server/credentials.ts";
import type { PostJson } from "../../rsp-server/post-json.ts";
import { testPki } from "../../rsp-server/test/pki-on-curve.ts";
import { type Answer, post, RspClient } from "../../rsp-server/test/rsp-client.ts";
import { TestClock } from "../../rsp-server/test/test-clock.ts";
import { createSmds, type Smds, type SmdsDependencies } from "../smds.ts";

export const REQUESTER = "2.999.10";

export class SmdsBench {
	readonly clock: TestClock;
	readonly folder = mkdtempSync(join(tmpdir(), "sim-smds-"));
	readonly pki: TestPki;
	readonly log = memoryLogger();
	readonly #changes: Partial<SmdsDependencies>;
	smds: Smds;

	constructor(curve: Curve = "P-256", changes: Partial<SmdsDependencies> = {}, clock = new TestClock()) {
		this.pki = testPki(curve);
		this.clock = clock;
		this.#changes = changes;
		savePki(join(this.folder, "pki"), this.pki);
		this.smds = this.#create();
	}

	get client(): RspClient {
		return new RspClient(this.smds.handle, this.pki);
	}

	/** A new program over the same folder; the old one gets no chance to tidy up, as after kill -9. */
	restart(): void {
		this.smds = this.#create();
	}

	/** ES12 as an SM-DP+ calls it. */
	es12(name: "registerEvent" | "deleteEvent", body: Record<string, unknown>): Promise<Answer> {
		return callJson(this.smds.handle, `/gsma/rsp2/es12/${name}`, body);
	}

	register(eventId: string, changes: Record<string, unknown> = {}): Promise<Answer> {
		const rspServerAddress = "smdp.example.com";
		const body = { eid: this.pki.eid, eventId, rspServerAddress, forwardingIndicator: false, ...changes };
		return this.es12("registerEvent", body);
	}

	delete(eventId: string, changes: Record<string, unknown> = {}): Promise<Answer> {
		return this.es12("deleteEvent", { eid: this.pki.eid, eventId, ...changes });
	}

	/** ES11 in JSON: initiates, authenticates; the last answer. */
	async retrieve(matchingId?: string, smdpAddress = "smds.example.com"): Promise<Answer> {
		const initiated = await this.client.initiate({ smdpAddress });
		return this.client.authenticate(initiated, matchingId === undefined ? {} : { matchingId });
	}

	stop(): void {
		this.smds.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}

	#create(): Smds {
		return createSmds({
			stateFolder: join(this.folder, "state"),
			credentials: [serverCredentialsOf(loadPki(join(this.folder, "pki")), "SM-DS")],
			addresses: ["smds.example.com"],
			clock: this.clock,
			random: systemRandom,
			logger: this.log.logger,
			...this.#changes,
		});
	}
}

export async function callJson(handle: HttpHandler, path: string, body: Record<string, unknown>): Promise<Answer> {
	const header = { functionRequesterIdentifier: REQUESTER, functionCallIdentifier: "call" };
	const { text } = await post(handle, path, { header, ...body });
	return JSON.parse(text) as Answer;
}

/** A way to other servers without any network: by name, to their handlers; a name that is not there is unreachable. */
export function inProcess(servers: Readonly<Record<string, () => HttpHandler>>): PostJson {
	return async (url, body) => {
		const { host, pathname } = new URL(url);
		const handle = servers[host]?.();
		if (handle === undefined) throw new Error(`nobody listens at ${host}`);
		const { status, text } = await post(handle, pathname, body);
		return { status, body: text };
	};
}
