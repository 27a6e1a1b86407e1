/**
 * The real eIM, SM-DP+, eUICC and IPA with CoAP over DTLS between IPA and eIM, on one fake clock: a bad link in between, whose
 * hours take seconds. No time passes while a part works.
 */

import { createPublicKey } from "node:crypto";
import { createCoapBinding } from "@iot-esim/eim/bindings/coap";
import type { OperationOrder } from "@iot-esim/eim/domain/operation";
import { coapDtlsLink } from "@iot-esim/ipa/esipa/coap-targets";
import type { EsipaTarget } from "@iot-esim/ipa/esipa/http-link";
import type { Ipa, IpaEvent } from "@iot-esim/ipa/index";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { sleep } from "@iot-esim/shared/runtime/clock";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { type CoapServer, createCoapServer } from "@iot-esim/shared/transport/coap/server";
import { type DtlsServer, listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import { type Duration, Hours, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { profileOfSize } from "../perf/wire/profile.ts";
import { profile, RoomsBench, SMDP_ADDRESS } from "../procedures/ipa-rooms-bench.ts";
import { Relay, type RelayConditions } from "../support/relay.ts";
import { RelayNetwork, SERVER } from "../support/relay-network.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { releaseProfile } from "../support/smdp-bench.ts";

/** Of a step of fake time. */
const STEP = Milliseconds(100);
/** Longest time that anything may take on any link. */
const GIVE_UP = Hours(12);
/** Of one exchange: eim.timeout of the IPA. */
const TIMEOUT = Minutes(2);

/** What a procedure came to. */
export interface Outcome {
	/** Of the operation, as the eIM has it. */
	readonly state: string;
	/** Fake time from the order to the end that the eIM knows of, in ms. */
	readonly took: number;
	/** Rounds of the device that failed on the way. */
	readonly failures: number;
}

export class BadLinkScene {
	readonly relay: Relay;
	readonly network: RelayNetwork;
	readonly rooms: RoomsBench;
	/** Parts that work at this moment. */
	readonly #work: { parts: number };
	readonly #servers: readonly [CoapServer, DtlsServer];
	readonly #ipa: Ipa;

	private constructor(
		parts: Pick<BadLinkScene, "relay" | "network" | "rooms">,
		ipa: Ipa,
		servers: readonly [CoapServer, DtlsServer],
		work: { parts: number },
	) {
		this.relay = parts.relay;
		this.network = parts.network;
		this.rooms = parts.rooms;
		this.#ipa = ipa;
		this.#servers = servers;
		this.#work = work;
	}

	static async open(conditions: RelayConditions): Promise<BadLinkScene> {
		const work = { parts: 0 };
		let network: RelayNetwork | undefined;
		// Retransmission timers have a part that is chance: it is the seed's too.
		const serverRandom = new SeededRandom(2 * conditions.seed);
		const deviceRandom = new SeededRandom(2 * conditions.seed + 1);
		const rooms = await RoomsBench.start({
			link: (target, bench) => linkOver(network, deviceRandom, target, bench),
		});
		const { clock } = rooms.eim;
		const relay = new Relay(conditions, clock);
		network = new RelayNetwork(relay);
		const atWork = async <T>(act: () => Promise<T>): Promise<T> => {
			work.parts++;
			try {
				return await act();
			} finally {
				work.parts--;
			}
		};
		rooms.reader = async (card) => ({
			powerOn: () => atWork(() => card.powerOn()),
			powerOff: async () => card.powerOff(),
			reset: () => atWork(() => card.reset()),
			transmit: (apdu) => atWork(() => card.transmit(apdu)),
		});
		const handler = { handle: (message: Uint8Array) => atWork(() => rooms.eim.send(message)) };
		const log = rooms.eim.deps.logger("eim.coap");
		const server = createCoapServer({
			clock,
			random: serverRandom,
			handler: createCoapBinding({ handler, shortPath: "e", log }),
			onError: (error) => log.error("request failed", { error }),
		});
		const { certificate, privateKey } = rooms.eim.pki.eimTls;
		const identity = { certificate: certificateToPem(certificate), key: privateKeyToPem(privateKey) };
		const listener = await listenDtls(
			{ ...SERVER, clock, trust: { kind: "none" }, identity, network: network.server },
			(path) => server.accept(path),
		);
		const ipa = await rooms.restart();
		return new BadLinkScene({ relay, network, rooms }, ipa, [server, listener], work);
	}

	/** The device polls, and nothing waits. */
	async poll(): Promise<Outcome> {
		const began = this.#now;
		const failures = await this.#roundsUntil(async (isGood) => isGood);
		return { state: "succeeded", took: this.#now - began, failures };
	}

	/** Orders something and lets the device poll until it is over. */
	async perform(order: OperationOrder): Promise<Outcome> {
		const began = this.#now;
		const id = await this.rooms.order(order);
		const failures = await this.#roundsUntil(async () => OVER.includes((await this.rooms.eim.state(id)) ?? ""));
		const operation = await this.rooms.eim.store.loadOperation(id);
		return { state: operation?.state ?? "gone", took: (operation?.updatedAt ?? 0) - began, failures };
	}

	/** A profile of so many octets. */
	async download(iccid: string, octets: number): Promise<Outcome> {
		const newProfile = { ...profile(iccid), package: profileOfSize(iccid, octets) };
		const matchingId = await releaseProfile(this.rooms.smdp, iccid, newProfile, {}, SMDP_ADDRESS);
		return this.perform({ type: "download", parameters: { smdpAddress: SMDP_ADDRESS, matchingId } });
	}

	/** Whatever a test wants to happen at a moment of fake time. */
	after(pause: Duration, act: () => void): void {
		this.rooms.eim.clock.schedule(pause, act);
	}

	/** Calls back once, when the device says so. */
	onEvent(type: IpaEvent["type"], act: () => void): void {
		const stop = this.#ipa.events.on(type, () => {
			stop();
			act();
		});
	}

	async close(): Promise<void> {
		await this.#inTime(this.#ipa.close());
		const [server, listener] = this.#servers;
		server.close();
		await this.#inTime(listener.close());
		await this.rooms.close();
	}

	get #now(): number {
		return this.rooms.eim.clock.now();
	}

	/** Rounds, with the pauses of `ipa run` after those that failed; how many failed. */
	async #roundsUntil(isOver: (isGood: boolean) => Promise<boolean>): Promise<number> {
		const began = this.#now;
		for (let failures = 0; this.#now - began < GIVE_UP; ) {
			const { failure } = await this.#inTime(this.#ipa.pollOnce());
			await this.#inTime(this.rooms.eim.jobs.runDue());
			if (await isOver(failure === undefined)) return failures;
			if (failure !== undefined) failures++;
			const pause = Math.min(RETRY_AFTER * 2 ** Math.min(failures, 10), RETRY_AT_MOST);
			await this.#inTime(sleep(this.rooms.eim.clock, Milliseconds(pause)));
		}
		throw new Error(`not over after ${GIVE_UP} ms\n${this.rooms.log().slice(-3000)}`);
	}

	/** Lets fake time pass until something is done, but none while a part works. */
	async #inTime<T>(promise: Promise<T>): Promise<T> {
		let isSettled = false;
		const mark = () => {
			isSettled = true;
		};
		promise.then(mark, mark);
		const { clock } = this.rooms.eim;
		while (!isSettled) {
			await new Promise((resolve) => (this.#work.parts > 0 ? setTimeout(resolve, 1) : setImmediate(resolve)));
			if (!isSettled && this.#work.parts === 0) await clock.advance(STEP);
		}
		return promise;
	}
}

const OVER = ["succeeded", "failed", "rolled-back", "expired", "cancelled"];
const [RETRY_AFTER, RETRY_AT_MOST] = [Seconds(10), Minutes(2)];

function linkOver(network: RelayNetwork | undefined, random: RandomSource, target: EsipaTarget, { eim }: RoomsBench) {
	if (network === undefined) throw new Error("the link is not there yet");
	const publicKey = createPublicKey(eim.pki.eimTls.privateKey).export({ format: "der", type: "spki" });
	return coapDtlsLink(
		{ ...target, trustedTlsKey: { publicKey: new Uint8Array(publicKey) } },
		{
			clock: eim.clock,
			random,
			timeout: TIMEOUT,
			idle: Minutes(2),
			path: ["e"],
			blockExponent: 6,
			maxBody: 256 * 1024,
			network: network.device,
		},
	);
}
