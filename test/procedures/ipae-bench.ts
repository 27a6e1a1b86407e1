/** A device without any IPA: a card with an IPAe in a modem, an eIM behind TLS on a real port, an SM-DP+. */

import { createEs9PlusClient } from "@iot-esim/eim/es9plus/client";
import { addInitialEimRequest } from "@iot-esim/eim/esipa/eim-configuration";
import { IsdRChannel, inProcessDriver, ipaConfig, settingsOf } from "@iot-esim/ipa/index";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { issueServer } from "@iot-esim/shared/pki/issue-roles";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { loadConfig } from "@iot-esim/shared/runtime/config";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpsListener } from "@iot-esim/shared/transport/http/server";
import { fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { Days, type Duration, Hours, Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { Card } from "@iot-esim/sim/euicc/card";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { createIpae } from "@iot-esim/sim/euicc/ipae/ipae";
import { Nvm } from "@iot-esim/sim/euicc/nvm/nvm";
import { CardBench } from "@iot-esim/sim/euicc/testing/card-bench";
import { DataPath } from "@iot-esim/sim/network/data-path";
import { Device } from "@iot-esim/sim/network/device";
import { EventLog } from "@iot-esim/sim/network/events";
import { Hss } from "@iot-esim/sim/network/hss";
import { Network } from "@iot-esim/sim/network/network";
import { memorySequenceStore } from "@iot-esim/sim/network/sequence-store";
import { fixedSubscribers, subscriberOfUpp } from "@iot-esim/sim/network/subscriber-source";
import type { Credential, TestPki } from "@iot-esim/sim/pki/test-pki";
import { observe, observedEim } from "../conformance/observation.ts";
import { noteIpae } from "../conformance/observed-messages.ts";
import { EIM_ID, esipaBench, testPki } from "../support/esipa-bench.ts";
import type { Binding } from "../support/esipa-face-client.ts";
import { Es9PlusLine, releaseProfile, SMDP, smdpBench } from "../support/smdp-bench.ts";

export const BOOTSTRAP = "8900101000000000018";
export const TARGET = "8900101000000000026";
export const TARGET_PLMN = "00102";

const description = (iccid: string) => `
iccid: "${iccid}"
imsi: "${iccid === TARGET ? TARGET_PLMN : "00101"}00000000${iccid.slice(-2)}"
ki: "000102030405060708090A0B0C0D0E0F"
opc: "101112131415161718191A1B1C1D1E1F"
spn: "Test"
profileName: "Test profile"
`;

const LONGEST_WAIT = Hours(2);

export interface IpaeBenchOptions {
	readonly curve?: Curve;
	/** Of ESipa; "asn1" when absent. */
	readonly binding?: Binding;
	/** Where the network lets the device go. */
	readonly allow?: readonly string[];
	/** Whether the modem serves channels of the card. */
	readonly hasDataPath?: boolean;
	/** The eIM offers no indirect download: the card goes to the SM-DP+ itself. */
	readonly isDirect?: boolean;
	/** Of all parts; one of the curve that tests share when absent. */
	readonly pki?: TestPki;
	/** Whether the modem offers timers to the card; true when absent. */
	readonly hasTimers?: boolean;
	/** Time between two STATUS of the modem's own; 30 s when absent. */
	readonly statusInterval?: Duration;
}

/** eIM with its TLS on a port of this machine, and an SM-DP+ behind it. */
async function servers(pki: TestPki) {
	const line = new Es9PlusLine();
	const es9plus = createEs9PlusClient({ http: line, requester: EIM_ID, newCallId: () => "call" });
	const eim = await esipaBench({ es9plus, pki });
	const { smdp, close } = smdpBench(() => eim.clock.now(), pki);
	line.handler = smdp.handle;
	const face = { handle: eim.face };
	const eimListener = createHttpsListener(
		observedEim((request) => face.handle(request)),
		{ identity: identityOf(pki.eimTls) },
	);
	const smdpListener = createHttpsListener(smdp.handle, { identity: identityOf(ofToday(pki)) });
	const port = async (listener: typeof eimListener) => (await listener.listen({ host: "127.0.0.1", port: 0 })).port;
	const hosts = {
		[EIM_ID]: `127.0.0.1:${await port(eimListener)}`,
		[SMDP]: `127.0.0.1:${await port(smdpListener)}`,
	};
	const stop = async () => {
		await eimListener.close();
		await smdpListener.close();
		await eim.close();
		close();
	};
	return { pki, eim, face, smdp, line, hosts, stop };
}

/** The certificate of the SM-DP+'s TLS: the card's TLS goes by this machine's date, whatever that of the tests is. */
function ofToday({ ci, curve }: TestPki): Credential {
	const { publicKey, privateKey } = generateKeyPair(curve);
	const validity = { notBefore: Date.now() - Days(1), notAfter: Date.now() + Days(1) };
	const of = { role: "dp-tls", subject: { commonName: SMDP }, registeredId: "2.999.10", hosts: [SMDP] } as const;
	return { certificate: issueServer({ ...of, validity, random: systemRandom, issuer: ci, publicKey }), privateKey };
}

function identityOf({ certificate, privateKey }: Credential) {
	return { certificate: certificateToPem(certificate), key: privateKeyToPem(privateKey) };
}

type Servers = Awaited<ReturnType<typeof servers>>;

/** A card with an enabled profile that belongs to the eIM, whose TLS key it pins. */
async function associatedCard({ pki, eim }: Servers, indirectProfileDownload: boolean): Promise<CardBench> {
	const bootstrap = buildProfilePackage(description(BOOTSTRAP));
	const bench = new CardBench({
		pkis: [pki],
		card: { supportsIpae: true },
		profiles: [{ unprotectedProfilePackage: bootstrap, isEnabled: true }],
		fileSystems: profileFileSystems(),
	});
	await bench.start();
	const tlsTrust = { kind: "publicKey", spki: parseCertificate(pki.eimTls.certificate).spkiDer } as const;
	const settings = { eimId: EIM_ID, eimFqdn: EIM_ID, indirectProfileDownload, tlsTrust };
	await bench.ask(toHex(addInitialEimRequest(settings, eim.deps.signer)));
	await eim.register(pki.eid);
	return bench;
}

function worldAround({ eim }: Servers): Network {
	const upps = [BOOTSTRAP, TARGET].map((iccid) => buildProfilePackage(description(iccid)));
	const hss = new Hss({
		sources: [fixedSubscribers(upps.map((upp) => subscriberOfUpp(upp, "test")))],
		sequences: memorySequenceStore(),
		random: systemRandom,
		log: eim.deps.logger("test.hss"),
	});
	const coverage = { isCoveredByDefault: true, rules: [] };
	return new Network({ hss, operators: [], coverage, log: eim.deps.logger("test.network") });
}

/** The card with its IPAe as another process would find it; counts its APDUs. */
function cardInModem({ eim }: Servers, bench: CardBench, binding: Binding) {
	const { clock, deps } = eim;
	const settings = settingsOf(loadConfig(ipaConfig, { environment: {}, flags: ["--poll-interval", "1min"] }), "modem");
	let opened: Card | undefined;
	const open = () =>
		new Card({
			nvm: new Nvm(bench.disk),
			fileSystems: profileFileSystems(),
			onError: (error) => deps.logger("test.card").error("card failed", { error }),
			ipae: createIpae({
				settings,
				bindingOf: () => binding,
				dnsServer: "198.18.0.1",
				clock,
				random: systemRandom,
				logger: deps.logger,
			}),
		});
	/** Its memory is read when it is first powered on, with what it was told before. */
	const card = () => {
		opened ??= open();
		return opened;
	};
	const counted = {
		apdus: 0,
		/** When an instruction was sent, and the first octet of its data. */
		sent: [] as { readonly at: number; readonly instruction: number; readonly data: number | undefined }[],
		powerOn: () => card().powerOn(),
		powerOff: () => card().powerOff(),
		reset: () => card().reset(),
		transmit: (apdu: Uint8Array) => {
			counted.apdus++;
			counted.sent.push({ at: clock.now(), instruction: apdu[1] ?? 0, data: apdu[5] });
			return card().transmit(apdu);
		},
	};
	return counted;
}

/** Lets time pass while nothing goes on at the card, until the condition holds. */
async function passTime(
	{ eim }: Servers,
	card: { readonly apdus: number },
	holds: () => Promise<boolean> | boolean,
): Promise<void> {
	const { clock, jobs } = eim;
	const end = clock.now() + LONGEST_WAIT;
	let idle = 0;
	let seen = card.apdus;
	while (!(await holds())) {
		await new Promise((resolve) => setTimeout(resolve, 2));
		idle = card.apdus === seen ? idle + 1 : 0;
		seen = card.apdus;
		if (idle < 5) continue;
		if (clock.now() >= end) throw new Error(`not within ${LONGEST_WAIT / 1000} s of the device's time`);
		await clock.advance(Seconds(5));
		await jobs.runDue();
	}
}

/** As `passTime`, until the promise is settled. */
async function inTime<T>(servers: Servers, card: { readonly apdus: number }, promise: Promise<T>): Promise<T> {
	let isSettled = false;
	const mark = () => {
		isSettled = true;
	};
	promise.then(mark, mark);
	await passTime(servers, card, () => isSettled);
	return promise;
}

type DeviceOptions = Required<Pick<IpaeBenchOptions, "allow" | "hasDataPath" | "hasTimers" | "statusInterval">>;

/** The modem with its network, and what both tell. */
function deviceAround(parts: Servers, { allow, hasDataPath, hasTimers, statusInterval }: DeviceOptions) {
	const { eim, hosts } = parts;
	const { clock } = eim;
	const events = new EventLog(clock);
	const network = worldAround(parts);
	const dataPath = new DataPath({ allow, hosts });
	const device = new Device({
		name: "meter",
		place: "home",
		clock,
		log: eim.deps.logger("test.modem"),
		network,
		bearer: { open: async () => undefined, shut: () => 0 },
		...(hasDataPath ? { dataPath } : {}),
		onEvent: (event) => events.record("meter", event),
		hasTimers,
		pollInterval: statusInterval,
		searchInterval: Seconds(5),
		attachTime: Milliseconds(500),
	});
	return { events, network, device };
}

export async function ipaeBench({
	curve = "P-256",
	binding = "asn1",
	allow = ["*"],
	hasDataPath = true,
	isDirect = false,
	hasTimers = true,
	statusInterval = Seconds(30),
	pki: given = testPki(curve),
}: IpaeBenchOptions = {}) {
	const parts = await servers(given);
	noteIpae();
	const { pki, eim, smdp } = parts;
	const { clock } = eim;
	const bench = await associatedCard(parts, !isDirect);
	const { events, network, device } = deviceAround(parts, { allow, hasDataPath, hasTimers, statusInterval });
	const card = cardInModem(parts, bench, binding);
	return {
		...parts,
		eid: pki.eid,
		clock,
		device,
		network,
		events,
		card,
		until: (holds: () => Promise<boolean> | boolean) => passTime(parts, card, holds),
		insert: () => device.insertCard(card),
		/** IpaeActivation before the card is in the modem. */
		activate: async () => {
			const answer = await bench.ask("BF420480020780");
			if (answer === "BF4203800100")
				observe({ interface: "IPAe", function: "activation", binding: "", sides: ["eUICC"] });
			return answer;
		},
		/** An ES10 function of the card in the modem, from outside. */
		ask: (request: string) => inTime(parts, card, askThroughModem(device, request)),
		orderDownload: async () => {
			const matchingId = await releaseProfile(smdp, TARGET, description(TARGET));
			return eim.order(pki.eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		},
		types: () => events.since().map(({ type }) => type),
		log: () => eim.entries.map((entry) => JSON.stringify(entry)).join("\n"),
		close: async () => {
			await device.stop();
			await parts.stop();
		},
	};
}

async function askThroughModem(device: Device, request: string): Promise<string> {
	const driver = inProcessDriver(device.openIpaSession());
	const channel = new IsdRChannel(driver, { proactive: "modem", logger: silentLogger("test") });
	const answer = await channel.call(fromHex(request), false);
	await channel.close();
	return toHex(answer);
}
