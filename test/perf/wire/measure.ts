/** What one binding costs, exchange by exchange, in one form of messages. */

import type { StartedBinding, WireBinding } from "./binding.ts";
import { countWire, readPcap } from "./capture.ts";
import { profileOfSize } from "./profile.ts";
import { RecordReader, type SeenHandshake } from "./records.ts";
import { type SocketRelay, tcpCapture, udpRelay } from "./relay-sockets.ts";
import { WireScene } from "./scene.ts";

export const FORMS = ["plain", "compact"] as const;
export type Form = (typeof FORMS)[number];

/** What is measured, in the order of the table. */
export const EXCHANGES = [
	"idle poll, fresh connection",
	"idle poll, resumed connection",
	"idle poll, open connection",
	"profile switch",
	"indirect download of 30 KB",
] as const;
export type Exchange = (typeof EXCHANGES)[number];

/** Octets that UDP or TCP carried, and what they were. */
export interface WireRow {
	readonly binding: string;
	readonly form: Form;
	readonly exchange: Exchange;
	readonly octets: number;
	readonly packets: number;
	readonly roundTrips: number;
	readonly handshake: number;
	/** Headers, nonces and tags of TLS or DTLS records. */
	readonly envelope: number;
	/** What HTTP, CoAP or MQTT put around the messages. */
	readonly binder: number;
	readonly esipa: number;
	readonly messages: number;
	readonly handshakes: readonly SeenHandshake[];
}

const FIRST = "8900101000000000026";
const SECOND = "8900101000000000034";
const LARGE = "8900101000000000042";
const LARGE_OCTETS = 30_000;

/** All exchanges of a binding, in the order of `EXCHANGES`. */
export async function measure(binding: WireBinding, form: Form): Promise<WireRow[]> {
	const bench = await WireBench.start(binding, form);
	try {
		await bench.prepare();
		return [
			await bench.freshPoll(),
			await bench.resumedPoll(),
			await bench.openPoll(),
			await bench.profileSwitch(),
			await bench.download(),
		];
	} finally {
		await bench.close();
	}
}

type Listener = Awaited<ReturnType<StartedBinding["listen"]>>;

class WireBench {
	readonly #name: string;
	readonly #binding: StartedBinding;
	readonly #form: Form;
	readonly #scene: WireScene;
	readonly #listener: Listener;
	readonly #relay: SocketRelay;
	readonly #records: RecordReader;

	private constructor(
		[kind, binding, form]: readonly [WireBinding, StartedBinding, Form],
		[scene, listener, relay]: readonly [WireScene, Listener, SocketRelay],
	) {
		this.#name = kind.name;
		this.#binding = binding;
		this.#form = form;
		this.#scene = scene;
		this.#listener = listener;
		this.#relay = relay;
		this.#records = new RecordReader(listener.port, kind.ticketsOfResumed ?? 0);
	}

	static async start(binding: WireBinding, form: Form): Promise<WireBench> {
		const started = await binding.start();
		const scene = await WireScene.open({ isCompact: form === "compact", eimSettings: started.eimSettings ?? {} });
		const listener = await started.listen(scene.eim);
		const relay = await (binding.carrier === "udp" ? udpRelay : tcpCapture)(listener.port);
		return new WireBench([binding, started, form], [scene, listener, relay]);
	}

	/** Two profiles besides the first, one of them enabled, and nothing left to say. */
	async prepare(): Promise<void> {
		const scene = this.#scene;
		await scene.useLink(this.#binding.link(this.#relay.port));
		await scene.settle();
		// What compact messages rest on, and what the eIM asks of a new device anyway.
		await this.#succeeds(await scene.order({ type: "readEuiccData" }));
		for (const iccid of [FIRST, SECOND]) await this.#succeeds(await scene.orderDownload(iccid));
		await this.#succeeds(await scene.orderEnable(FIRST));
	}

	async freshPoll(): Promise<WireRow> {
		await this.#scene.useLink(this.#binding.link(this.#relay.port));
		return this.#measured("idle poll, fresh connection", () => this.#scene.round());
	}

	/** The device comes from another address. */
	async resumedPoll(): Promise<WireRow> {
		await this.#relay.rebind();
		this.#scene.renewLink();
		return this.#measured("idle poll, resumed connection", () => this.#scene.round());
	}

	openPoll(): Promise<WireRow> {
		return this.#measured("idle poll, open connection", () => this.#scene.round());
	}

	/** Poll and package on the open connection; then the device has another address, and brings the result from there. */
	async profileSwitch(): Promise<WireRow> {
		const scene = this.#scene;
		const before = scene.verifiedNotifications;
		await scene.useIpa(1, () => this.#relay.rebind());
		await scene.round();
		const order = await scene.orderEnable(SECOND);
		const row = await this.#measured("profile switch", () => scene.round());
		await this.#succeeds(order);
		if (scene.transactionIdOctets !== 16) throw new Error(`a transaction id of ${scene.transactionIdOctets} octets`);
		const brought = scene.verifiedNotifications - before;
		if (brought !== 2) throw new Error(`${brought} notifications came with the result, and not two`);
		return row;
	}

	async download(): Promise<WireRow> {
		const scene = this.#scene;
		await this.#scene.useIpa(1);
		await scene.round();
		const order = await scene.orderDownload(LARGE, profileOfSize(LARGE, LARGE_OCTETS));
		const row = await this.#measured("indirect download of 30 KB", () => scene.round());
		await this.#succeeds(order);
		return row;
	}

	async close(): Promise<void> {
		await this.#scene.close();
		await this.#relay.close();
		await this.#listener.close();
	}

	async #succeeds(order: string): Promise<void> {
		await this.#scene.settle();
		await this.#scene.expectSuccess(order);
	}

	/** What `act` has sent and got, from the capture. */
	async #measured(exchange: Exchange, act: () => Promise<unknown>): Promise<WireRow> {
		// What came before is not lost on the reader: it shows what is open.
		this.#records.read(readPcap(this.#relay.takeCapture()));
		this.#scene.takeTally();
		await act();
		const packets = readPcap(this.#relay.takeCapture());
		const { parts, handshakes } = this.#records.read(packets);
		const esipa = this.#scene.takeTally();
		for (const handshake of handshakes) expectConditions(this.#name, handshake);
		const { octets, packets: carrying, roundTrips } = countWire(packets, [this.#listener.port]);
		return {
			binding: this.#name,
			form: this.#form,
			exchange,
			octets,
			packets: carrying,
			roundTrips,
			handshake: parts.handshake,
			envelope: parts.envelope,
			binder: parts.application - esipa.octets,
			esipa: esipa.octets,
			messages: esipa.messages,
			handshakes,
		};
	}
}

/** ECDHE-ECDSA with AES-128-CCM-8. */
const CCM_8 = 0xc0ae;

/** @throws Error when the capture shows cheaper conditions than those of the targets */
function expectConditions(binding: string, { suite, hasCookie }: SeenHandshake): void {
	if (binding !== "coap+dtls" || (suite === CCM_8 && hasCookie)) return;
	throw new Error(`DTLS with suite ${suite.toString(16)}, ${hasCookie ? "with" : "without"} HelloVerifyRequest`);
}
