import { createConnection, createServer, type Server, type Socket } from "node:net";
import { resetSocket } from "@iot-esim/shared/transport/reset-socket";
import { VpcdFrameReader, vpcdFrame } from "@iot-esim/shared/transport/vpcd-frame";

export type Direction = "toServer" | "toClient";

/** Sees each piece before it goes on; while its promise is pending, the piece and all behind it wait. */
export type Hold = (direction: Direction, piece: Uint8Array) => Promise<void> | void;

/** Cuts a direction's octets into the pieces that `Hold` sees; raw chunks when there is none. */
type Cutter = () => (chunk: Uint8Array) => Uint8Array[];

const rawChunks: Cutter = () => (chunk) => [chunk];
const vpcdFrames: Cutter = () => {
	const reader = new VpcdFrameReader();
	return (chunk) => reader.push(chunk).map((payload) => payload.slice());
};

/** A relay in front of a TCP server, through which a test sees what passes and can stop it at any piece. */
export class TcpRelay {
	readonly #server: Server;
	readonly #open = new Set<Socket>();

	private constructor(server: Server) {
		this.#server = server;
	}

	/** Chunks as TCP delivers them. */
	static raw(port: number, targetPort: number, hold: Hold): Promise<TcpRelay> {
		return TcpRelay.#listen(port, targetPort, hold, rawChunks, (chunk) => chunk);
	}

	/** Payloads of vpcd frames. */
	static vpcd(port: number, targetPort: number, hold: Hold): Promise<TcpRelay> {
		return TcpRelay.#listen(port, targetPort, hold, vpcdFrames, vpcdFrame);
	}

	get port(): number {
		return (this.#server.address() as { port: number }).port;
	}

	async close(): Promise<void> {
		for (const socket of this.#open) socket.destroy();
		await new Promise((resolve) => this.#server.close(resolve));
	}

	static async #listen(
		port: number,
		targetPort: number,
		hold: Hold,
		cutter: Cutter,
		whole: (piece: Uint8Array) => Uint8Array,
	): Promise<TcpRelay> {
		const server = createServer({ noDelay: true });
		const relay = new TcpRelay(server);
		server.on("connection", (client) => {
			const target = createConnection({ port: targetPort, host: "127.0.0.1", noDelay: true });
			for (const socket of [client, target]) {
				relay.#open.add(socket);
				socket.on("close", () => relay.#open.delete(socket));
			}
			void carry(client, target, "toServer", hold, cutter(), whole);
			void carry(target, client, "toClient", hold, cutter(), whole);
		});
		await new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen(port, "127.0.0.1", resolve);
		});
		return relay;
	}
}

async function carry(
	from: Socket,
	to: Socket,
	direction: Direction,
	hold: Hold,
	cut: (chunk: Uint8Array) => Uint8Array[],
	whole: (piece: Uint8Array) => Uint8Array,
): Promise<void> {
	try {
		for await (const chunk of from) {
			for (const piece of cut(chunk as Uint8Array)) {
				await hold(direction, piece);
				if (to.destroyed) return;
				to.write(whole(piece));
			}
		}
		to.end();
	} catch {
		// An end that breaks breaks the other, as on a real line.
		resetSocket(to);
	} finally {
		if (from.destroyed && !to.writableEnded) to.destroy();
	}
}
