/** The real eIM with its real listener, the IPA as a library and a simulated card, with an SM-DP+ of this process. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildEim, type Eim } from "@iot-esim/eim/app";
import { eimConfig } from "@iot-esim/eim/config";
import {
	createIpa,
	type EsipaLink,
	type Ipa,
	inProcessDriver,
	memoryJournalStorage,
	openJournal,
} from "@iot-esim/ipa/index";
import { decode } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { GetEimPackageResponse } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { EuiccPackageRequest } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { CardBench } from "@iot-esim/sim/euicc/testing/card-bench";
import { loadPki, savePki } from "@iot-esim/sim/pki/pki-directory";
import { makeTestPki, type TestPki } from "@iot-esim/sim/pki/test-pki";
import { credentialsOf } from "@iot-esim/sim/smdp/credentials";
import { profileFromFile } from "@iot-esim/sim/smdp/orders/import-profile";
import { createSmdp, type Smdp } from "@iot-esim/sim/smdp/smdp";
import { profileDescription } from "./profile.ts";

/** 21 characters; also the eimId. */
export const EIM_NAME = "eim-1.iot.example.com";
const SMDP = "smdp.example.com";
/** Of another device of this eIM, from which it has to tell the one that polls. */
const OTHER_EID = Eid.withCheckDigits("890490320000000000000000000002");
const BOOTSTRAP = "8900101000000000018";

export interface SceneOptions {
	/** minimizeEsipaBytes. */
	readonly isCompact: boolean;
	/** Settings of the eIM beyond those of every scene. */
	readonly eimSettings?: Readonly<Record<string, string>>;
}

type Target = Parameters<Parameters<typeof createIpa>[0]["link"]>[0];

/** Opens the link that the IPA is to use. */
export type OpenLink = (target: Target, eid: Uint8Array) => EsipaLink;

/** What the device and the eIM have said, by the octets of ESipa alone. */
export interface EsipaTally {
	messages: number;
	octets: number;
}

export class WireScene {
	readonly folder: string;
	readonly pki: TestPki;
	readonly card: CardBench;
	readonly eim: Eim;
	readonly #smdp: Smdp;
	readonly #options: SceneOptions;
	readonly #journal = memoryJournalStorage();
	readonly #entries: readonly unknown[];
	/** Length of the eimTransactionId of the latest package. */
	transactionIdOctets = 0;
	#tally: EsipaTally = { messages: 0, octets: 0 };
	#open: OpenLink | undefined;
	#ipa: Ipa | undefined;
	#link: EsipaLink | undefined;

	private constructor(
		parts: Pick<WireScene, "folder" | "pki" | "card" | "eim"> & { smdp: Smdp; entries: readonly unknown[] },
		options: SceneOptions,
	) {
		this.folder = parts.folder;
		this.pki = parts.pki;
		this.card = parts.card;
		this.eim = parts.eim;
		this.#smdp = parts.smdp;
		this.#entries = parts.entries;
		this.#options = options;
	}

	static async open(options: SceneOptions): Promise<WireScene> {
		const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-wire-"));
		const hosts = { eim: [EIM_NAME], dp: [SMDP] };
		const pki = makeTestPki({ curve: "P-256", random: systemRandom, now: systemClock.now(), hosts });
		const { logger, entries } = memoryLogger();
		savePki(path.join(folder, "pki"), pki);
		const smdp = createSmdp({
			stateFolder: path.join(folder, "smdp"),
			credentials: [credentialsOf(loadPki(path.join(folder, "pki")))],
			addresses: [SMDP],
			clock: systemClock,
			random: systemRandom,
			logger,
		});
		mkdirSync(path.join(folder, "trust"));
		writeFileSync(path.join(folder, "trust", "ci.pem"), certificateToPem(pki.ci.certificate));
		const settings: Record<string, string> = {
			"data-folder": path.join(folder, "eim"),
			"eim-fqdn": EIM_NAME,
			"esipa-port": "443",
			"trust-folder": path.join(folder, "trust"),
			...options.eimSettings,
		};
		const environment = Object.entries(settings).map(([name, value]) => [`EIM_${snakeCase(name)}`, value] as const);
		const config = readConfig(eimConfig, { environment: Object.fromEntries(environment) });
		const es9PlusHttp = { request: (request: Es9PlusRequest) => answerEs9Plus(smdp, request) };
		const eim = await buildEim(config, { clock: systemClock, random: systemRandom, logger, version: "0", es9PlusHttp });
		const scene = new WireScene({ folder, pki, eim, smdp, entries, card: await newCard(pki) }, options);
		await scene.#associate();
		return scene;
	}

	/** The way to the eIM from now on; an earlier one is closed. */
	async useLink(open: OpenLink): Promise<void> {
		await this.#ipa?.close();
		await this.#link?.close();
		// What the closing still sends belongs to the connection before.
		await new Promise((resolve) => setTimeout(resolve, 30));
		this.#link = undefined;
		this.#open = open;
		await this.useIpa(1);
	}

	/**
	 * The device from now on: a new IPA over what an earlier one has left in the journal, with the link still open.
	 * @param onRefresh called when another profile is about to be in use
	 */
	async useIpa(packagesInOneGo: number, onRefresh?: () => void): Promise<void> {
		await this.#ipa?.close();
		const ipa = createIpa({
			driver: inProcessDriver(this.card.card),
			link: (target, eid) => this.#linkTo(() => this.#open?.(target, eid)),
			clock: systemClock,
			random: systemRandom,
			journal: await openJournal(this.#journal),
			logger: memoryLogger().logger,
			settings: { ...ipaSettings(this.#options.isCompact), packagesInOneGo },
		});
		if (onRefresh !== undefined) ipa.events.on("refresh-started", onRefresh);
		this.#ipa = ipa;
	}

	/** The device has another address, and knows it. */
	renewLink(): void {
		this.#link?.renew?.();
	}

	/** A round of the IPA in use; how many packages it worked off. */
	async round(): Promise<number> {
		if (this.#ipa === undefined) throw new Error("no IPA in this scene yet");
		const { packages, failure } = await this.#ipa.pollOnce();
		if (failure !== undefined) throw failure;
		return packages;
	}

	/** Rounds until neither side has anything left, not even what the eIM asks for itself. */
	async settle(): Promise<void> {
		await this.useIpa(20);
		for (let turn = 0; turn < 10; turn++) {
			await this.eim.jobs.runDue();
			if ((await this.round()) === 0) {
				await this.useIpa(1);
				return;
			}
		}
		throw new Error("the eIM always has another package");
	}

	/** What was said since the last call. */
	takeTally(): EsipaTally {
		const tally = this.#tally;
		this.#tally = { messages: 0, octets: 0 };
		return tally;
	}

	/** Orders an operation of the device; its id. */
	async order(order: object): Promise<string> {
		const { id } = await this.#api("POST", `/api/v1/devices/${this.pki.eid}/operations`, order);
		return String(id);
	}

	/** @throws Error when the operation has not succeeded */
	async expectSuccess(id: string): Promise<void> {
		const operation = await this.#api("GET", `/api/v1/operations/${id}`);
		if (operation.state === "succeeded") return;
		const log = this.#entries.slice(-5).map((entry) => JSON.stringify(entry));
		throw new Error(`operation ${JSON.stringify(operation)}\n${log.join("\n")}`);
	}

	/** Puts a profile into the SM-DP+ and orders its download. */
	async orderDownload(iccid: string, upp?: Uint8Array): Promise<string> {
		const file = { fileName: "p.yaml", contents: utf8(profileDescription(iccid)), smdpAddress: SMDP };
		const profile = profileFromFile(file);
		this.#smdp.importProfile(upp === undefined ? profile : { ...profile, package: upp });
		await this.#es2Plus("downloadOrder", { iccid });
		const { matchingId } = await this.#es2Plus("confirmOrder", { iccid, releaseFlag: true });
		return this.order({ type: "download", smdpAddress: SMDP, matchingId });
	}

	orderEnable(iccid: string): Promise<string> {
		return this.order({ type: "enable", iccid: Iccid(iccid) });
	}

	/** Notifications that the SM-DP+ has got and could verify. */
	get verifiedNotifications(): number {
		return this.#smdp.notifications().filter(({ isVerified }) => isVerified).length;
	}

	async close(): Promise<void> {
		await this.#ipa?.close();
		await this.#link?.close();
		await this.eim.close();
		this.#smdp.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}

	/** The one link of the scene, whichever IPA has it. */
	#linkTo(open: () => EsipaLink | undefined): EsipaLink {
		this.#link ??= open();
		const link = this.#link;
		if (link === undefined) throw new Error("no link in this scene yet");
		return {
			name: link.name,
			renew: () => link.renew?.(),
			close: async () => undefined,
			exchange: async (message, signal) => {
				const answer = await link.exchange(message, signal);
				this.#tally.messages += answer.length > 0 ? 2 : 1;
				this.#tally.octets += message.length + answer.length;
				this.transactionIdOctets = transactionIdOctets(answer) ?? this.transactionIdOctets;
				return answer;
			},
		};
	}

	async #associate(): Promise<void> {
		const { rawPayload } = await this.eim.api.inject({
			url: "/api/v1/eim-configuration?format=der",
			headers: this.#headers,
		});
		const answer = await this.card.ask(toHex(new Uint8Array(rawPayload)));
		if (!answer.startsWith("BF57")) throw new Error(`AddInitialEim was answered ${answer}`);
		for (const eid of [this.pki.eid, OTHER_EID]) await this.#api("POST", "/api/v1/devices", { eid });
	}

	get #headers() {
		return { authorization: `Bearer ${this.eim.firstApiKey}` };
	}

	async #api(method: "GET" | "POST", url: string, payload?: object): Promise<Record<string, unknown>> {
		const body = payload === undefined ? {} : { payload };
		const answer = await this.eim.api.inject({ method, url, headers: this.#headers, ...body });
		if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.statusCode} ${answer.body}`);
		return JSON.parse(answer.body) as Record<string, unknown>;
	}

	async #es2Plus(
		name: string,
		body: { readonly iccid: string; readonly releaseFlag?: boolean },
	): Promise<Record<string, unknown>> {
		const header = { functionRequesterIdentifier: "op", functionCallIdentifier: `${name} ${body.iccid}` };
		const url = `https://${SMDP}/gsma/rsp2/es2plus/${name}`;
		const request = { url, headers: JSON_BODY, body: utf8(JSON.stringify({ header, ...body })) };
		const answer = await answerEs9Plus(this.#smdp, request);
		return JSON.parse(new TextDecoder().decode(answer.body)) as Record<string, unknown>;
	}
}

const snakeCase = (name: string) => name.replaceAll("-", "_").toUpperCase();

const JSON_BODY = { "content-type": "application/json", "x-admin-protocol": "gsma/rsp/v2.5.0" };

interface Es9PlusRequest {
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Uint8Array;
}

/** ES9+ without sockets: it is not what is measured. */
async function answerEs9Plus(smdp: Smdp, { url, headers, body }: Es9PlusRequest) {
	const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
	const { signal } = new AbortController();
	const { pathname } = new URL(url);
	const request = { method: "POST", path: pathname, headers: lower, body, remoteAddress: "192.0.2.2", signal };
	const answer = await smdp.handle(request);
	const sent = answer.body ?? new Uint8Array(0);
	if (typeof sent !== "string" && !(sent instanceof Uint8Array)) throw new Error("a whole body is expected");
	return { status: answer.status, body: typeof sent === "string" ? utf8(sent) : sent };
}

/** Of the eUICC package in an answer to a poll; undefined when there is none. */
function transactionIdOctets(answer: Uint8Array): number | undefined {
	if (answer[0] !== 0xbf || answer[1] !== 0x4f) return undefined;
	const response = decode(GetEimPackageResponse, answer);
	if (!("euiccPackageRequest" in response)) return undefined;
	const request = decode(EuiccPackageRequest, response.euiccPackageRequest.der);
	return request.euiccPackageSigned.value.eimTransactionId?.length ?? 0;
}

async function newCard(pki: TestPki): Promise<CardBench> {
	const unprotectedProfilePackage = buildProfilePackage(profileDescription(BOOTSTRAP));
	const card = new CardBench({
		pkis: [pki],
		profiles: [{ unprotectedProfilePackage, isEnabled: true }],
		fileSystems: profileFileSystems(),
	});
	return card.start();
}

const ipaSettings = (minimizeBytes: boolean) => ({
	card: { proactive: "agent" as const },
	procedures: {
		refreshDelay: Milliseconds(1),
		refreshTimeout: Seconds(5),
		rollbackAfter: Minutes(5),
		deliveryRetry: Seconds(1),
		immediateEnable: false,
		consentGranted: true,
		minimizeBytes,
		deviceInfo: { tac: new Uint8Array(4), deviceCapabilities: {} },
	},
	pollInterval: Minutes(15),
	retryAfter: Milliseconds(100),
	retryAtMost: Seconds(1),
});
