import type { TLSSocket } from "node:tls";

/**
 * What servers have given to come back with: a handshake without certificates and signatures. One object serves one
 * kind of trust, since a resumed connection is trusted because the one before was.
 */
export class TlsSessions {
	readonly #latest = new Map<string, Buffer>();

	/** The latest of a server, which is gone from here until it has been good again: a server may have forgotten it. */
	take(server: string): Buffer | undefined {
		const session = this.#latest.get(server);
		this.#latest.delete(server);
		return session;
	}

	/**
	 * Listens for what a connection is given, from before its handshake on.
	 * @param taken what it was opened with
	 * @returns to be called when the server is trusted: nothing is kept before
	 */
	watch(server: string, socket: TLSSocket, taken: Buffer | undefined): () => void {
		let isTrusted = false;
		let given: Buffer | undefined;
		socket.on("session", (session) => {
			given = session;
			if (isTrusted) this.#latest.set(server, session);
		});
		return () => {
			isTrusted = true;
			// Servers on Node give none anew to who has one: it is used again, and octets count more here than that an onlooker may tell who comes back.
			const session = given ?? (socket.isSessionReused() ? taken : undefined);
			if (session !== undefined) this.#latest.set(server, session);
		};
	}
}
