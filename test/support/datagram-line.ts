import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { DatagramPath, DatagramReceiver, ProvenPeer } from "@iot-esim/shared/transport/datagram";
import { Milliseconds } from "@iot-esim/shared/util/duration";

export type Side = "client" | "server";

/** A datagram as one side has sent it. */
export interface Sent {
	readonly from: Side;
	readonly octets: Uint8Array;
	/** How many this side had sent before. */
	readonly index: number;
}

/** After how many milliseconds a datagram arrives: several times, once, or never. */
export type LineRule = (sent: Sent) => readonly number[];

const DELAY = 10;

/** Two paths that end at one another, on a clock, with what happens to each datagram in the test's hands. */
export class DatagramLine {
	readonly client: DatagramPath;
	readonly server: DatagramPath;
	/** All that was sent, lost or not. */
	readonly sent: Sent[] = [];
	rule: LineRule = () => [DELAY];

	constructor(
		clock: Clock,
		{ maxDatagram = 1200, proven }: { readonly maxDatagram?: number; readonly proven?: ProvenPeer } = {},
	) {
		const ends: Record<Side, { receiver?: DatagramReceiver; early: Uint8Array[]; isClosed: boolean }> = {
			client: { early: [], isClosed: false },
			server: { early: [], isClosed: false },
		};
		const arrive = (to: Side, octets: Uint8Array) => {
			const end = ends[to];
			if (end.isClosed) return;
			if (end.receiver === undefined) end.early.push(octets);
			else end.receiver.datagram(octets);
		};
		const path = (side: Side): DatagramPath => ({
			remoteAddress: side === "client" ? "192.0.2.2:5684" : "192.0.2.1:40000",
			proven,
			maxDatagram,
			send: (datagram) => {
				if (datagram.length > maxDatagram) throw new Error(`a datagram of ${datagram.length} octets`);
				const sent: Sent = {
					from: side,
					octets: datagram.slice(),
					index: this.sent.filter(({ from }) => from === side).length,
				};
				this.sent.push(sent);
				const to = side === "client" ? "server" : "client";
				for (const delay of this.rule(sent)) clock.schedule(Milliseconds(delay), () => arrive(to, sent.octets));
			},
			receive: (receiver) => {
				ends[side].receiver = receiver;
				for (const octets of ends[side].early.splice(0)) receiver.datagram(octets);
			},
			close: () => {
				if (ends[side].isClosed) return;
				ends[side].isClosed = true;
				ends[side].receiver?.closed();
			},
		});
		this.client = path("client");
		this.server = path("server");
	}

	from(side: Side): readonly Uint8Array[] {
		return this.sent.filter((one) => one.from === side).map(({ octets }) => octets);
	}
}
