/**
 * The eIM, the IPA, the eUICC and the SM-DP+ in one process, by the octets of ESipa, ES10 and ES9+: `wholeChain` with our
 * SM-DP+, `deviceChain` with whoever answers `http`. Between IPA and eIM stand their real HTTP bindings; only sockets are
 * left out.
 */

import { createEs9PlusClient, type Es9PlusEncoding } from "@iot-esim/eim/es9plus/client";
import type { Es9PlusHttp } from "@iot-esim/eim/es9plus/http";
import { createEs11Client } from "@iot-esim/eim/es9plus/smds";
import { addInitialEimRequest } from "@iot-esim/eim/esipa/eim-configuration";
import type { EimSigner } from "@iot-esim/eim/keys/eim-signer";
import { createIpa, type Ipa, type IpaDeps, type IpaSettings } from "@iot-esim/ipa/agent";
import { inProcessDriver } from "@iot-esim/ipa/card/drivers/in-process";
import { Es10Commands } from "@iot-esim/ipa/card/es10-commands";
import { IsdRChannel } from "@iot-esim/ipa/card/isd-r-channel";
import { EsipaLinkError } from "@iot-esim/ipa/esipa/errors";
import type { EsipaLink } from "@iot-esim/ipa/esipa/esipa-link";
import type { EsipaTarget } from "@iot-esim/ipa/esipa/http-link";
import { openJournal } from "@iot-esim/ipa/state/journal";
import { memoryJournalStorage } from "@iot-esim/ipa/state/journal-storage";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { toHex } from "@iot-esim/shared/util/bytes";
import { type Duration, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { CardBench, type BenchOptions as CardBenchOptions } from "@iot-esim/sim/euicc/testing/card-bench";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { observedCard } from "../conformance/observation.ts";
import { EIM_ID, esipaBench, testPki } from "./esipa-bench.ts";
import { type Binding, faceLink, type SeenExchange } from "./esipa-face-client.ts";
import { InjectionLine, injectAddress } from "./injection-line.ts";
import { Es9PlusLine, releaseProfile, SMDP, smdpBench } from "./smdp-bench.ts";

/** The profile that the card leaves the factory with. */
export const BOOTSTRAP = "8900101000000000018";

/** A description of a profile with Milenage keys that nobody owns. */
export const profileDescription = (iccid: string) => `
iccid: "${iccid}"
imsi: "001010000000001"
ki: "000102030405060708090A0B0C0D0E0F"
opc: "101112131415161718191A1B1C1D1E1F"
spn: "Test"
profileName: "Test profile"
`;

export interface ChainOptions {
	/** Of ESipa; "asn1" when absent. */
	readonly binding?: Binding;
	/** Of every key, when no PKI is given; P-256 when absent. */
	readonly curve?: Curve;
	/** Of ES9+; "json" when absent. */
	readonly encoding?: Es9PlusEncoding;
	readonly pki?: TestPki;
	/** How the card leaves the factory, where it differs from an open one. */
	readonly card?: NonNullable<CardBenchOptions["card"]>;
	/** The profile that the card leaves the factory with is for emergency calls. */
	readonly isForEcall?: boolean;
	/** ES10 requests in hex that the card gets before it belongs to the eIM. */
	readonly beforeAssociation?: readonly string[];
	/** Whether the card belongs to the eIM from the beginning; else `associate` does it. */
	readonly isAssociated?: boolean;
	/** ICCIDs of further profiles on the card, disabled. */
	readonly moreProfiles?: readonly string[];
	/** The device's own way to SM-DP+ and SM-DS; its downloads are direct then. */
	readonly rsp?: NonNullable<IpaDeps["rsp"]>;
	/** Settings of the IPA, where they differ. */
	readonly ipa?: Partial<IpaSettings>;
	/** The eIM brings packages to the device (TransferEimPackage) in this binding: as jobs, besides answering polls. */
	readonly inject?: Binding;
	/** The way to the eIM; straight into its HTTP face when absent. */
	readonly link?: (target: EsipaTarget, eid: Uint8Array) => EsipaLink;
	/** Sees every exchange between IPA and eIM. */
	readonly seen?: (exchange: SeenExchange) => void;
}

/** The card's configuration names none, and no TLS is spoken here. */
const TLS_KEY = { publicKey: new Uint8Array(1) };

/** An agent that waits for nothing. */
export const ipaSettings: IpaSettings = {
	card: { proactive: "agent" },
	procedures: {
		refreshDelay: Milliseconds(1),
		refreshTimeout: Seconds(5),
		// On a busy machine a result takes its time, also when nothing is in its way.
		rollbackAfter: Seconds(30),
		deliveryRetry: Milliseconds(10),
		immediateEnable: false,
		consentGranted: true,
		deviceInfo: { tac: new Uint8Array(4), deviceCapabilities: {} },
	},
	pollInterval: Minutes(15),
	retryAfter: Milliseconds(1),
	retryAtMost: Milliseconds(10),
	packagesInOneGo: 20,
};

/** A card with one enabled profile that belongs to the eIM. */
async function associatedCard(
	pki: TestPki,
	signer: EimSigner,
	{ card = {}, moreProfiles = [], isForEcall, beforeAssociation = [], isAssociated = true }: ChainOptions,
): Promise<CardBench> {
	const profile = (iccid: string, isEnabled: boolean) => ({
		unprotectedProfilePackage: buildProfilePackage(profileDescription(iccid)),
		isEnabled,
		...(isForEcall === undefined ? {} : { ecallIndication: isForEcall && isEnabled }),
	});
	const device = new CardBench({
		pkis: [pki],
		card,
		profiles: [profile(BOOTSTRAP, true), ...moreProfiles.map((iccid) => profile(iccid, false))],
		fileSystems: profileFileSystems(),
	});
	await device.start();
	for (const request of beforeAssociation) await device.ask(request);
	if (!isAssociated) return device;
	const associated = await device.ask(toHex(initialEim(signer)));
	if (!associated.startsWith("BF57")) throw new Error(`AddInitialEim was answered ${associated}`);
	return device;
}

const initialEim = (signer: EimSigner) => addInitialEimRequest({ eimId: EIM_ID, eimFqdn: "eim.example.com" }, signer);

/** The profile that `release` makes an SM-DP+ offer unless another is named. */
export const TARGET = "8900101000000000026";

/** A device chain with our SM-DP+. */
export async function wholeChain(given: ChainOptions = {}) {
	const line = new Es9PlusLine();
	const chain = await deviceChain({ ...given, http: line });
	const { smdp, close } = smdpBench(() => chain.eim.clock.now(), chain.pki);
	line.handler = smdp.handle;
	/** Imports and releases a profile; the matching id. */
	const release = (iccid = TARGET, description = profileDescription(iccid)) => releaseProfile(smdp, iccid, description);
	return {
		...chain,
		line,
		smdp,
		release,
		/** Releases a profile and orders its download; the operation's id. A round of the device makes it happen. */
		orderDownload: async (iccid = TARGET, description = profileDescription(iccid)) => {
			const matchingId = await release(iccid, description);
			return chain.eim.order(chain.eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		},
		close: async () => {
			await chain.close();
			close();
		},
	};
}

/** A registered device with an associated card, and everything to drive it. */
export async function deviceChain(given: ChainOptions & { readonly http: Es9PlusHttp }) {
	const pki = given.pki ?? testPki(given.curve);
	const { eid } = pki;
	const toServers = {
		http: given.http,
		requester: EIM_ID,
		newCallId: () => "call",
		defaultEncoding: given.encoding ?? "json",
	};
	const injection = new InjectionLine(pki, { now: () => eim.clock.now() });
	const eim = await esipaBench({
		es9plus: createEs9PlusClient(toServers),
		es11: createEs11Client(toServers),
		pki,
		injector: injection.injector,
	});
	const device = await associatedCard(pki, eim.deps.signer, given);
	await eim.register(eid, injectAddress(pki, given.inject));
	/** Who answers under which eimId; tests add eIMs, and let one come back otherwise. */
	const peers = new Map<string, HttpHandler>([[EIM_ID, eim.face]]);
	const events: string[] = [];
	const line: Line = { isReachable: true, rollbackAfter: undefined };
	const ipa = createIpa({
		driver: inProcessDriver(observedCard(device.card)),
		link: (target, eid) => given.link?.(target, eid) ?? linkTo(target, given, peers, line),
		clock: systemClock,
		random: systemRandom,
		journal: await openJournal(memoryJournalStorage()),
		logger: memoryLogger().logger,
		rsp: given.rsp,
		settings: settingsFor(given, line),
	});
	injection.connect(ipa);
	const profiles = async () =>
		Object.fromEntries((await eim.store.listProfiles(eid)).map((profile) => [profile.iccid, profile.state]));
	ipa.events.onAny((event) => events.push(event.type));
	return {
		pki,
		eid,
		eim,
		device,
		ipa,
		injection,
		peers,
		events,
		associate: () => associate(device, eim.deps.signer),
		cutUntilRollback: () => cutUntilRollback(ipa, line),
		round: () => round(ipa),
		profiles,
		close: async () => {
			await ipa.close();
			await eim.close();
		},
	};
}

/** ES10b.AddInitialEim in the IPA's hands, before it polls. */
async function associate(device: CardBench, signer: EimSigner) {
	const driver = inProcessDriver(observedCard(device.card));
	const channel = new IsdRChannel(driver, { proactive: "agent", logger: memoryLogger().logger("test.card") });
	const answer = await new Es10Commands(channel).addInitialEim(initialEim(signer));
	await channel.close();
	return answer;
}

/** The device's way to its eIMs. */
interface Line {
	isReachable: boolean;
	/** Where it will be cut, the time that the device waits in vain. */
	rollbackAfter: Duration | undefined;
}

function settingsFor({ rsp, ipa }: ChainOptions, line: Line): IpaSettings {
	const settings = { ...ipaSettings, ...ipa };
	const { procedures } = settings;
	return {
		...settings,
		procedures: {
			...procedures,
			...(rsp === undefined ? {} : { indirectDownload: false }),
			get rollbackAfter() {
				return line.rollbackAfter ?? procedures.rollbackAfter;
			},
		},
	};
}

/** The IPA's link to an eIM of this process, as long as the device has a network. */
function linkTo(
	target: EsipaTarget,
	{ binding = "asn1", seen }: ChainOptions,
	peers: ReadonlyMap<string, HttpHandler>,
	line: Readonly<Line>,
): EsipaLink {
	const face: HttpHandler = (request) => {
		const peer = peers.get(target.eimId);
		if (peer === undefined) throw new EsipaLinkError("IPA_EIM_UNREACHABLE", `no eIM ${target.eimId} in this test`);
		return peer(request);
	};
	const link = faceLink(binding, face, {
		target: { ...target, trustedTlsKey: TLS_KEY },
		...(seen === undefined ? {} : { seen }),
	});
	return {
		...link,
		exchange: async (message, signal) => {
			if (!line.isReachable) throw new EsipaLinkError("IPA_EIM_UNREACHABLE", "cut");
			return link.exchange(message, signal);
		},
	};
}

/** No way to the eIM from the next execution of a package until the rollback. */
function cutUntilRollback(ipa: Ipa, line: Line): void {
	line.rollbackAfter = Milliseconds(250);
	const stop = ipa.events.onAny((event) => {
		if (event.type === "package-executed" && event.outcome === "signed-result") line.isReachable = false;
		if (event.type === "rollback-started") {
			line.isReachable = true;
			line.rollbackAfter = undefined;
			stop();
		}
	});
}

/** One round of the agent; how many packages it worked off. */
async function round(ipa: Ipa): Promise<number> {
	const { packages, failure } = await ipa.pollOnce();
	if (failure !== undefined) throw failure;
	return packages;
}
