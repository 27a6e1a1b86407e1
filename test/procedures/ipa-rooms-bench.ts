import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OperationOrder } from "@iot-esim/eim/domain/operation";
import { createEs9PlusClient } from "@iot-esim/eim/es9plus/client";
import { createEs11Client } from "@iot-esim/eim/es9plus/smds";
import { addInitialEimRequest } from "@iot-esim/eim/esipa/eim-configuration";
import { createIpa, type Ipa, type IpaSettings } from "@iot-esim/ipa/agent";
import { type InProcessCard, inProcessDriver } from "@iot-esim/ipa/card/drivers/in-process";
import { Es10 } from "@iot-esim/ipa/card/es10";
import { Es10Commands } from "@iot-esim/ipa/card/es10-commands";
import { IsdRChannel } from "@iot-esim/ipa/card/isd-r-channel";
import type { Es9PlusClient } from "@iot-esim/ipa/es9plus/es9plus-client";
import { EsipaLinkError } from "@iot-esim/ipa/esipa/errors";
import type { EsipaLink } from "@iot-esim/ipa/esipa/esipa-link";
import type { EsipaTarget } from "@iot-esim/ipa/esipa/http-link";
import type { IpaEvent } from "@iot-esim/ipa/procedures/ipa-event";
import { type Journal, openJournal } from "@iot-esim/ipa/state/journal";
import { memoryJournalStorage } from "@iot-esim/ipa/state/journal-storage";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import type { CertificateList } from "@iot-esim/shared/pki/crl";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { Days, Hours, Seconds } from "@iot-esim/shared/util/duration";
import { Card } from "@iot-esim/sim/euicc/card";
import { type BootstrapProfile, createCard, personalisationOf } from "@iot-esim/sim/euicc/create-card";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { MemoryDisk } from "@iot-esim/sim/euicc/nvm/disk";
import { Nvm } from "@iot-esim/sim/euicc/nvm/nvm";
import type { Personalisation } from "@iot-esim/sim/euicc/personalisation";
import { loadPki, savePki } from "@iot-esim/sim/pki/pki-directory";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { serverCredentialsOf } from "@iot-esim/sim/rsp-server/credentials";
import { credentialsOf } from "@iot-esim/sim/smdp/credentials";
import { createSmdp, type Smdp } from "@iot-esim/sim/smdp/smdp";
import { createSmds, type Smds } from "@iot-esim/sim/smds/smds";
import { observedCard } from "../conformance/observation.ts";
import { EIM_ID, esipaBench, testPki } from "../support/esipa-bench.ts";
import { type Binding, faceLink } from "../support/esipa-face-client.ts";
import { InjectionLine, injectAddress } from "../support/injection-line.ts";
import { benchSettings, type Interruption } from "./ipa-device-bench.ts";
import { InProcessServers } from "./ipa-direct-servers.ts";
import { BOOTSTRAP_ICCID, profile, SMDP_ADDRESS, SMDS_ADDRESS } from "./rooms-profile.ts";

export * from "./rooms-profile.ts";

/** A card that another agent has powered on before and left as it was. */
function poweredCard(card: Card): InProcessCard {
	return {
		powerOn: async () => card.atr(),
		reset: () => card.reset(),
		transmit: (apdu) => card.transmit(apdu),
	};
}

type Around = <T>(effect: string, act: () => Promise<T>) => Promise<T>;

export interface RoomsOptions {
	/** Of ESipa; "asn1" when absent. */
	readonly binding?: Binding;
	/** Of every key; P-256 when absent. */
	readonly curve?: Curve;
	/** Of all parts; one of the curve that tests share when absent. */
	readonly pki?: TestPki;
	/** ICCIDs of further profiles that the card leaves the factory with, disabled. */
	readonly moreProfiles?: readonly string[];
	/** The eIM brings packages to the device in this binding. */
	readonly inject?: Binding;
	readonly card?: Partial<Omit<Personalisation, "eid" | "ciCertificates" | "credentials">>;
	readonly settings?: Partial<IpaSettings>;
	/** The device speaks to SM-DP+ and SM-DS itself, in this encoding, and its eIM offers no indirect download. */
	readonly direct?: "json" | "asn1";
	/** The bootstrap profile is for emergency calls too. */
	readonly isForEcall?: boolean;
	/** ES10 commands that the card gets before it is associated with the eIM. */
	readonly beforeAssociation?: readonly Uint8Array[];
	/** The way to the eIM; straight into its HTTP face when absent. */
	readonly link?: (target: EsipaTarget, bench: RoomsBench) => EsipaLink;
}

/**
 * Real eIM, SM-DP+, eUICC and IPA in one process on one fake clock; only sockets are left out. The card is bare: the
 * agent serves its proactive commands and resets it.
 */
export class RoomsBench {
	readonly #folder = mkdtempSync(join(tmpdir(), "ipa-rooms-"));
	readonly #disk = new MemoryDisk();
	readonly #fileSystems = profileFileSystems();
	readonly #storage = memoryJournalStorage();
	readonly #options: RoomsOptions;
	/** Of agents, one after the other. */
	#life = 0;
	readonly events: IpaEvent[] = [];
	readonly smdp: Smdp;
	readonly smds: Smds;
	/** The way to both, of the eIM and of the device. */
	readonly servers: InProcessServers;
	readonly eim: Awaited<ReturnType<typeof esipaBench>>;
	/** What the SM-DP+ knows to be revoked. */
	readonly revoked: CertificateList[];
	/** Who answers ESipa under which eimId. */
	readonly faces: Map<string, HttpHandler>;
	/** The line that the eIM brings packages over. */
	readonly injection: InjectionLine;
	readonly eid: Eid;
	card: Card;
	/** Whether the device has a network, asked at every exchange. */
	isAttached: () => Promise<boolean> | boolean = () => true;
	interruption: Interruption = () => undefined;
	/** The device that the card is in, when it is another one than in the settings. */
	deviceInfo: IpaSettings["procedures"]["deviceInfo"] | undefined;
	/** Puts something between the card and the agent; a modem, say. */
	reader: (card: Card) => Promise<InProcessCard> = async (card) => ({
		powerOn: () => card.powerOn(),
		powerOff: async () => card.powerOff(),
		reset: () => card.reset(),
		transmit: (apdu) => card.transmit(apdu),
	});

	private constructor(
		eim: Awaited<ReturnType<typeof esipaBench>>,
		{
			smdp,
			smds,
			servers,
			revoked,
			injection,
		}: Pick<RoomsBench, "smdp" | "smds" | "servers" | "revoked" | "injection">,
		folder: string,
		options: RoomsOptions,
	) {
		rmSync(this.#folder, { recursive: true });
		this.#folder = folder;
		this.#options = options;
		this.eim = eim;
		this.smdp = smdp;
		this.smds = smds;
		this.servers = servers;
		this.revoked = revoked;
		this.injection = injection;
		this.faces = new Map([[EIM_ID, eim.face]]);
		const ofFactory = (iccid: string): BootstrapProfile => ({
			unprotectedProfilePackage: profile(iccid).package,
			isEnabled: iccid === BOOTSTRAP_ICCID,
			...(options.isForEcall === undefined ? {} : { ecallIndication: options.isForEcall && iccid === BOOTSTRAP_ICCID }),
		});
		const personalisation = personalisationOf([eim.pki], options.card);
		const profiles = [BOOTSTRAP_ICCID, ...(options.moreProfiles ?? [])].map(ofFactory);
		createCard(new Nvm(this.#disk), personalisation, this.#fileSystems, profiles);
		this.eid = Eid(personalisation.eid);
		this.card = this.#newCard();
	}

	static async start(options: RoomsOptions = {}): Promise<RoomsBench> {
		const folder = mkdtempSync(join(tmpdir(), "ipa-rooms-"));
		const testKeys = options.pki ?? testPki(options.curve);
		savePki(join(folder, "pki"), testKeys);
		const servers = new InProcessServers();
		const toServers = {
			requester: EIM_ID,
			newCallId: () => "call",
			http: { request: (request: Parameters<InProcessServers["request"]>[0]) => servers.request(request) },
		};
		const servicesOfEim = { es9plus: createEs9PlusClient(toServers), es11: createEs11Client(toServers) };
		const injection = new InjectionLine(testKeys, { now: () => eim.clock.now() });
		const eim = await esipaBench({ ...servicesOfEim, pki: testKeys, injector: injection.injector });
		const parts = { clock: eim.clock, random: systemRandom, logger: eim.deps.logger, sessionLifetime: Hours(24) };
		const pki = loadPki(join(folder, "pki"));
		const revoked: CertificateList[] = [];
		const smds = createSmds({
			...parts,
			stateFolder: join(folder, "smds"),
			credentials: [serverCredentialsOf(pki, "SM-DS")],
			addresses: [SMDS_ADDRESS],
			eventLifetime: Days(1000),
		});
		const smdp = createSmdp({
			...parts,
			postToSmds: async (url, body) => {
				const headers = { "Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.5.0" };
				const answer = await servers.request({ url, headers, body: new TextEncoder().encode(body) });
				return { status: answer.status, body: new TextDecoder().decode(answer.body) };
			},
			stateFolder: join(folder, "smdp"),
			credentials: [credentialsOf(pki, revoked)],
			addresses: [SMDP_ADDRESS],
		});
		servers.handlers.set(SMDP_ADDRESS, smdp.handle);
		servers.handlers.set(SMDS_ADDRESS, smds.handle);
		const bench = new RoomsBench(eim, { smdp, smds, servers, revoked, injection }, folder, options);
		await bench.#associate();
		return bench;
	}

	/** Orders a profile at the SM-DP+ and a download of it at the eIM; the operation's id. */
	async orderDownload(iccid: string, extra = "", confirmation: Record<string, unknown> = {}): Promise<string> {
		const matchingId = await this.releaseProfile(iccid, extra, confirmation);
		return this.order({ type: "download", parameters: { smdpAddress: SMDP_ADDRESS, matchingId } });
	}

	/** Orders a profile at the SM-DP+ alone; its matching identifier. */
	async releaseProfile(iccid: string, extra = "", confirmation: Record<string, unknown> = {}): Promise<string> {
		this.smdp.importProfile(profile(iccid, extra));
		await this.#es2plus("downloadOrder", { iccid });
		const { matchingId } = await this.#es2plus("confirmOrder", { iccid, releaseFlag: true, ...confirmation });
		return matchingId ?? "";
	}

	async orderEnable(iccid: string, rollback: boolean): Promise<string> {
		return this.order({ type: "enable", parameters: { iccid: Iccid(iccid), rollback } });
	}

	/** A new agent, and a card that has lost its power, unless only the agent was killed. */
	async restart(killed: "agent and card" | "agent" = "agent and card"): Promise<Ipa> {
		this.#life++;
		if (killed === "agent and card") this.card = this.#newCard();
		const reader = killed === "agent" ? poweredCard(this.card) : await this.reader(this.card);
		const interruption = this.interruption;
		const around: Around = async <T>(effect: string, act: () => Promise<T>): Promise<T> => {
			await interruption(effect, "before");
			const result = await act();
			await interruption(effect, "after");
			return result;
		};
		const ipa = createIpa({
			driver: inProcessDriver({
				powerOn: async () => (reader.powerOn ? reader.powerOn() : reader.reset()),
				powerOff: async () => reader.powerOff?.(),
				reset: () => reader.reset(),
				transmit: (apdu) => around(`card ${apdu[1]?.toString(16)}`, () => reader.transmit(apdu)),
			}),
			link: (target) => this.#options.link?.(target, this) ?? this.#faceLink(target, around),
			rsp: this.#options.direct && this.#rspClient(this.#options.direct, around),
			clock: this.eim.clock,
			random: { bytes: (length) => new Uint8Array(length).fill(128) },
			journal: await openJournal(this.#storage),
			logger: this.eim.deps.logger,
			settings: this.#settings(),
		});
		ipa.events.onAny((event) => this.events.push(event));
		this.injection.connect(ipa);
		return ipa;
	}

	#faceLink(target: EsipaTarget, around: Around): EsipaLink {
		return {
			name: target.eimFqdn ?? "",
			exchange: (message) => around(`eim ${message[1]?.toString(16)}`, () => this.#exchange(target.eimId, message)),
			close: async () => undefined,
		};
	}

	#rspClient(encoding: "json" | "asn1", around: Around): Es9PlusClient {
		const { servers } = this;
		const line = new InProcessServers();
		line.request = (request, caller) =>
			around(`server ${new URL(request.url).pathname}`, () => servers.request(request, caller));
		return line.client(encoding);
	}

	#settings(): IpaSettings {
		const settings = { ...benchSettings, card: { proactive: "agent" } as const, ...this.#options.settings };
		const { deviceInfo = settings.procedures.deviceInfo } = this;
		return { ...settings, procedures: { ...settings.procedures, deviceInfo } };
	}

	/** A round of the agent, then whatever the eIM does by itself. */
	async round(ipa: Ipa) {
		const result = await this.inTime(ipa.pollOnce());
		await this.inTime(this.eim.jobs.runDue());
		return result;
	}

	/** An operation that does not expire, however fast fake time runs on a slow machine. */
	order(order: OperationOrder): Promise<string> {
		return this.eim.order(this.eid, order, Days(30));
	}

	/** What the agent remembers. */
	journal(): Promise<Journal> {
		return openJournal(this.#storage);
	}

	/**
	 * Lets fake time pass while `promise` is pending, slowly enough for databases and disks to keep up. For what an agent was
	 * doing that is no more, no time passes.
	 */
	async inTime<T>(promise: Promise<T>, step = Seconds(1)): Promise<T> {
		let isSettled = false;
		const mark = () => {
			isSettled = true;
		};
		promise.then(mark, mark);
		const life = this.#life;
		while (!isSettled && life === this.#life) {
			await new Promise((resolve) => setTimeout(resolve, 2));
			if (!isSettled && life === this.#life) await this.eim.clock.advance(step);
		}
		return promise;
	}

	/** The enabled profile, asked of the card without an agent. */
	async enabledIccid(): Promise<string | undefined> {
		const profiles = await this.#onCard((channel) => new Es10(channel).getProfilesInfo());
		const enabled = profiles.find((one) => one.profileState === 1);
		return enabled?.iccid && Iccid.fromBytes(enabled.iccid);
	}

	async iccids(): Promise<string[]> {
		const profiles = await this.#onCard((channel) => new Es10(channel).getProfilesInfo());
		return profiles.flatMap((one) => (one.iccid ? [Iccid.fromBytes(one.iccid)] : []));
	}

	/** What the card still holds for an eIM: notifications and results. */
	async leftOnCard(): Promise<number> {
		return this.#onCard(async (channel) => {
			const es10 = new Es10(channel);
			return (await es10.retrieveNotifications()).length + (await es10.retrieveEuiccPackageResults()).length;
		});
	}

	/** ES10b.ListNotification. */
	listNotifications() {
		return this.#onCard((channel) => new Es10(channel).listNotifications());
	}

	async close(): Promise<void> {
		this.#life++;
		await this.eim.close();
		this.smdp.stop();
		this.smds.stop();
		rmSync(this.#folder, { recursive: true, force: true });
	}

	log(): string {
		return this.eim.entries.map((entry) => JSON.stringify(entry)).join("\n");
	}

	async #associate(): Promise<void> {
		const isIndirect = this.#options.direct === undefined;
		const settings = { eimId: EIM_ID, eimFqdn: EIM_ID, indirectProfileDownload: isIndirect };
		const request = addInitialEimRequest(settings, this.eim.deps.signer);
		await this.#onCard(async (channel) => {
			for (const command of this.#options.beforeAssociation ?? []) await channel.call(command, false);
			await new Es10Commands(channel).addInitialEim(request);
		});
		await this.eim.register(this.eid, injectAddress(this.eim.pki, this.#options.inject));
	}

	async #onCard<T>(use: (channel: IsdRChannel) => Promise<T>): Promise<T> {
		const card = this.#newCard();
		const driver = inProcessDriver({ reset: () => card.powerOn(), transmit: (apdu) => card.transmit(apdu) });
		return use(new IsdRChannel(driver, { proactive: "agent", logger: this.eim.deps.logger("test.card") }));
	}

	#newCard(): Card {
		const card = new Card({
			nvm: new Nvm(this.#disk),
			fileSystems: this.#fileSystems,
			onError: (error) => this.eim.deps.logger("test.card").error("card failed", { error }),
		});
		return observedCard(card);
	}

	async #exchange(eimId: string, message: Uint8Array): Promise<Uint8Array> {
		const face = this.faces.get(eimId);
		if (face === undefined || !(await this.isAttached())) {
			throw new EsipaLinkError("IPA_EIM_UNREACHABLE", face === undefined ? `no eIM ${eimId}` : "not attached");
		}
		const { binding = "asn1" } = this.#options;
		return faceLink(binding, face, { clock: this.eim.clock }).exchange(message);
	}

	async #es2plus(name: string, body: Record<string, unknown>): Promise<{ readonly matchingId?: string }> {
		const answer = await this.smdp.handle({
			method: "POST",
			path: `/gsma/rsp2/es2plus/${name}`,
			headers: { "content-type": "application/json", "x-admin-protocol": "gsma/rsp/v2.5.0" },
			body: new TextEncoder().encode(
				JSON.stringify({ header: { functionRequesterIdentifier: "1.2.3", functionCallIdentifier: name }, ...body }),
			),
			remoteAddress: "192.0.2.3",
			signal: new AbortController().signal,
		});
		const { body: given = "" } = answer;
		const text = given instanceof Uint8Array ? new TextDecoder().decode(given) : String(given);
		return JSON.parse(text) as { matchingId?: string };
	}
}
