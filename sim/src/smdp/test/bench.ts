/** An SM-DP+ over a temporary folder with a fake clock, as the tests of this folder use it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { loadPki, savePki } from "../../pki/pki-directory.ts";
import type { TestPki } from "../../pki/test-pki.ts";
import { testPki } from "../../rsp-server/test/pki-on-curve.ts";
import { type Answer, post } from "../../rsp-server/test/rsp-client.ts";
import { TestClock } from "../../rsp-server/test/test-clock.ts";
import { credentialsOf } from "../credentials.ts";
import { profileFromFile } from "../orders/import-profile.ts";
import { createSmdp, type Smdp, type SmdpDependencies } from "../smdp.ts";
import { DownloadClient } from "./download-client.ts";

export const profileYaml = (iccid: string, extra = "") => `
iccid: "${iccid}"
imsi: "001010000000001"
ki: "000102030405060708090A0B0C0D0E0F"
opc: "101112131415161718191A1B1C1D1E1F"
spn: "Test"
profileName: "Test profile"
${extra}`;

export const ICCID = "8900101000000000018";

export class SmdpBench {
	readonly clock = new TestClock();
	readonly folder = mkdtempSync(join(tmpdir(), "sim-smdp-"));
	readonly pki: TestPki;
	readonly log = memoryLogger();
	readonly #changes: Partial<SmdpDependencies>;
	smdp: Smdp;

	constructor(curve: Curve = "P-256", changes: Partial<SmdpDependencies> = {}) {
		this.pki = testPki(curve);
		this.#changes = changes;
		savePki(join(this.folder, "pki"), this.pki);
		this.smdp = this.#create();
	}

	get stateFolder(): string {
		return join(this.folder, "state");
	}

	get client(): DownloadClient {
		return new DownloadClient(this.smdp.handle, this.pki);
	}

	/** A new program over the same folder; the old one gets no chance to tidy up, as after kill -9. */
	restart(): void {
		this.smdp = this.#create();
	}

	import(iccid = ICCID, extra = ""): Uint8Array {
		const contents = new TextEncoder().encode(profileYaml(iccid, extra));
		const profile = profileFromFile({
			fileName: "p.yaml",
			contents,
			smdpAddress: "smdp.example.com",
			profileType: "iot",
		});
		this.smdp.importProfile(profile);
		return profile.package;
	}

	async es2plus(name: string, body: Record<string, unknown>): Promise<Answer> {
		const { text } = await post(this.smdp.handle, `/gsma/rsp2/es2plus/${name}`, body);
		return JSON.parse(text) as Answer;
	}

	/** Imports, orders and releases a profile; the matching identifier of its order. */
	async order(confirm: Record<string, unknown> = {}, iccid = ICCID): Promise<string> {
		this.import(iccid);
		await this.es2plus("downloadOrder", { iccid });
		const { matchingId } = await this.es2plus("confirmOrder", { iccid, releaseFlag: true, ...confirm });
		return matchingId ?? "";
	}

	stateOf(iccid = ICCID): string | undefined {
		return this.smdp.profiles().find((profile) => profile.iccid === iccid)?.state;
	}

	iccidOctets(iccid = ICCID): Uint8Array {
		return Iccid.toBytes(Iccid(iccid));
	}

	stop(): void {
		this.smdp.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}

	#create(): Smdp {
		return createSmdp({
			stateFolder: this.stateFolder,
			credentials: [credentialsOf(loadPki(join(this.folder, "pki")))],
			addresses: ["smdp.example.com"],
			clock: this.clock,
			random: systemRandom,
			logger: this.log.logger,
			...this.#changes,
		});
	}
}
