import { equalBytes, toHex } from "../../../util/bytes.ts";
import { Days, Hours, Milliseconds, Minutes } from "../../../util/duration.ts";
import { hostGroup } from "../../../util/host-group.ts";
import type { DatagramServer } from "../../datagram.ts";
import { expiryOf } from "../../expiry.ts";
import { FairRoom } from "../../fair-room.ts";
import { peerOwner } from "../../peer-owner.ts";
import { type HostPort, printHostPort } from "../../tcp.ts";
import type { NativeSession } from "./addon.ts";
import { Association } from "./association.ts";
import { createEndpoint, type Endpoint } from "./endpoint.ts";
import { DtlsError } from "./errors.ts";
import type { DtlsPath, DtlsServerOptions } from "./options.ts";
import { type DtlsSessionStore, MemorySessionStore } from "./session-store.ts";
import { type DatagramSocket, udpNetwork } from "./udp-socket.ts";

/** The random of a ClientHello in the first record of a datagram. */
const HELLO_RANDOM = [27, 59] as const;
const HANDSHAKE_TIMEOUT = Minutes(2);

/** A server and what it holds at the moment. */
export interface DtlsServer extends DatagramServer {
	readonly openSessions: number;
	readonly handshakes: number;
}

/**
 * Accepts DTLS sessions. Nothing is kept for a peer before it has repeated the cookie made for its address; handshakes
 * and sessions are bounded and expire. `onPath` gets each path when both sides have proven themselves.
 * @throws DtlsError DTLS_OPTIONS_INVALID, DTLS_ADDON_MISSING, DTLS_FEATURE_MISSING
 * @throws TransportError TRANSPORT_LISTEN_FAILED
 */
export async function listenDtls(options: DtlsServerOptions, onPath: (path: DtlsPath) => void): Promise<DtlsServer> {
	const { clock, keyOf } = options;
	const sessions =
		options.sessions === false ? undefined : (options.sessions ?? new MemorySessionStore(clock, Days(1), 50_000));
	const endpoint = createEndpoint(options, {
		isServer: true,
		serverName: undefined,
		pskIdentity: undefined,
		keyOf,
		sessions,
	});
	const table = new AssociationTable(options, endpoint, sessions, onPath);
	const network = options.network ?? udpNetwork;
	const local = { host: options.host, port: options.port };
	const socket = await network.open(local, (datagram, from) => table.take(datagram, from));
	table.open(socket);
	return {
		host: socket.address.host,
		port: socket.address.port,
		get openSessions() {
			return table.openSessions;
		},
		get handshakes() {
			return table.handshakes;
		},
		close: async () => {
			table.close();
			await socket.close();
		},
	};
}

/** The associations of one address: a new one takes the old one's place only when it is proven (RFC 6347 4.2.8). */
interface Source {
	pending?: Association | undefined;
	current?: Association | undefined;
}

class AssociationTable {
	readonly #options: DtlsServerOptions;
	readonly #endpoint: Endpoint;
	readonly #sessions: DtlsSessionStore | undefined;
	readonly #onPath: (path: DtlsPath) => void;
	readonly #sources = new Map<string, Source>();
	/** Whose handshake goes on. */
	readonly #pending = new FairRoom<Association>();
	/** Open ones, since they were last heard or spoken to. */
	readonly #open = new FairRoom<Association>();
	/** Those of the open ones that have carried nothing yet, since they were opened. */
	readonly #unused = new Map<Association, number>();
	readonly #bySessionId = new Map<string, Association>();
	#socket: DatagramSocket | undefined;
	#cancelExpiry: () => void = () => undefined;

	constructor(
		options: DtlsServerOptions,
		endpoint: Endpoint,
		sessions: DtlsSessionStore | undefined,
		onPath: (path: DtlsPath) => void,
	) {
		this.#options = options;
		this.#endpoint = endpoint;
		this.#sessions = sessions;
		this.#onPath = onPath;
	}

	get openSessions(): number {
		return this.#open.size;
	}

	get handshakes(): number {
		return this.#pending.size;
	}

	open(socket: DatagramSocket): void {
		this.#socket = socket;
	}

	close(): void {
		for (const { current, pending } of [...this.#sources.values()]) {
			pending?.end(stopped());
			current?.close();
		}
		this.#cancelExpiry();
		this.#socket = undefined;
	}

	take(datagram: Uint8Array, from: HostPort): void {
		const key = printHostPort(from);
		const source = this.#sources.get(key);
		if (startsClientHello(datagram)) {
			const random = datagram.subarray(...HELLO_RANDOM);
			if (source?.pending !== undefined && equalBytes(source.pending.clientRandom, random)) {
				source.pending.take(datagram);
			} else if (source?.current === undefined || !equalBytes(source.current.clientRandom, random)) {
				this.#hello(datagram, from, key);
			}
			return;
		}
		// While a new handshake runs, each of the two drops what is the other's.
		const { pending, current } = source ?? {};
		pending?.take(datagram);
		current?.take(datagram);
	}

	#hello(datagram: Uint8Array, from: HostPort, key: string): void {
		const { clock } = this.#options;
		const answer = this.#endpoint.native.hello(Buffer.from(key), datagram, clock.now());
		if (answer instanceof Uint8Array) this.#socket?.send(answer, from);
		else if (answer !== undefined) this.#accept(answer, from, key);
	}

	#accept(native: NativeSession, from: HostPort, key: string): void {
		const { clock, handshakeTimeout = HANDSHAKE_TIMEOUT, maxHandshakes = 1_000 } = this.#options;
		this.#sources.get(key)?.pending?.end(new DtlsError("DTLS_SESSION_ENDED", `${key} began a new handshake`));
		const owner = hostGroup(from.host);
		if (!this.#makesRoom(owner, maxHandshakes)) {
			native.free();
			this.#options.onHandshakeFailed?.(
				key,
				new DtlsError("DTLS_SESSION_ENDED", `too many handshakes for that of ${key}`),
			);
			return;
		}
		const association = new Association(native, {
			clock,
			handshakeTimeout,
			remoteAddress: key,
			transmit: (datagram) => this.#socket?.send(datagram, from),
			takeRefusal: this.#endpoint.takeRefusal,
			takeIdentity: this.#endpoint.takeIdentity,
			opened: () => this.#opened(association, from, key),
			ended: (_, cause) => this.#ended(association, key, cause),
			active: () => this.#touch(association),
		});
		const source = this.#sources.get(key) ?? {};
		source.pending = association;
		this.#sources.set(key, source);
		this.#pending.put(association, owner, clock.now());
		association.start();
	}

	/**
	 * A client whose hello goes unanswered repeats it, and gets in once others are done; one past its hello has lost the
	 * handshake that is ended here. So only a host with far more than the newcomer's loses one: that of which least is done.
	 */
	#makesRoom(owner: string, maxHandshakes: number): boolean {
		if (this.#pending.size < maxHandshakes) return true;
		const given = this.#pending.newestOfTooMany(maxHandshakes, owner);
		given?.end(madeRoom("handshake"));
		return given !== undefined;
	}

	#opened(association: Association, from: HostPort, key: string): void {
		const { clock, maxSessions = 10_000 } = this.#options;
		const source = this.#sources.get(key);
		if (source === undefined) return;
		source.pending = undefined;
		this.#pending.delete(association);
		source.current?.end(replaced());
		source.current = association;
		this.#sources.set(key, source);
		const refusal = association.isResumed ? this.#refusalOfResumed(association) : undefined;
		if (refusal !== undefined) {
			this.#sessions?.forget(association.agreed.sessionId);
			this.#options.onHandshakeFailed?.(key, new DtlsError("DTLS_PEER_UNTRUSTED", `${key} is not trusted: ${refusal}`));
			association.close();
			return;
		}
		const id = toHex(association.agreed.sessionId);
		// Who resumes a session has left the address where it was open before.
		this.#bySessionId.get(id)?.end(replaced());
		this.#open.longestSilent(maxSessions)?.end(madeRoom("session"));
		if (association.hasEnded) return;
		if (id !== "") this.#bySessionId.set(id, association);
		this.#open.put(association, this.#ownerOf(association, from), clock.now());
		this.#unused.set(association, clock.now());
		this.#cancelExpiry();
		this.#expire();
		this.#onPath(association);
	}

	/** Trust may have been taken away since the session was made; of a pre-shared key that was seen when it was found. */
	#refusalOfResumed({ proven }: Association): string | undefined {
		const { trust, clock } = this.#options;
		if (proven.pskIdentity !== undefined || trust.kind === "none") return undefined;
		return this.#endpoint.judge(proven, undefined) ?? (trust.kind === "ca" ? expiryOf(proven, clock.now()) : undefined);
	}

	#ownerOf({ proven }: Association, { host }: HostPort): string {
		const { trust } = this.#options;
		const provesNothing = proven.pskIdentity === undefined && trust.kind === "asked" && trust.takesAnyKey;
		return peerOwner(host, provesNothing ? undefined : proven);
	}

	#touch(association: Association): void {
		this.#open.touch(association, this.#options.clock.now());
		if (association.isUsed) this.#unused.delete(association);
	}

	/** One timer for all: for the session silent for longest, or the one that was never used for longest. */
	#expire(): void {
		const { clock } = this.#options;
		const next = this.#nextExpiry();
		if (next === undefined) return;
		this.#cancelExpiry = clock.schedule(Milliseconds(Math.max(0, next.due - clock.now())), () => {
			for (let due = this.#nextExpiry(); due !== undefined && due.due <= clock.now(); due = this.#nextExpiry()) {
				due.association.end(new DtlsError("DTLS_SESSION_ENDED", "the session was silent for too long"));
			}
			this.#expire();
		});
	}

	#nextExpiry(): { readonly association: Association; readonly due: number } | undefined {
		const { idleTimeout = Hours(1), handshakeTimeout = HANDSHAKE_TIMEOUT } = this.#options;
		const silent = this.#open.first();
		const [unused] = this.#unused;
		if (silent === undefined) return undefined;
		const due = silent.since + idleTimeout;
		const unusedDue = unused === undefined ? due : unused[1] + handshakeTimeout;
		if (unused === undefined || due <= unusedDue) return { association: silent.member, due };
		return { association: unused[0], due: unusedDue };
	}

	#ended(association: Association, key: string, cause: Error | undefined): void {
		const source = this.#sources.get(key);
		if (source?.pending === association) {
			source.pending = undefined;
			this.#pending.delete(association);
			if (cause !== undefined) this.#options.onHandshakeFailed?.(key, cause);
		}
		if (source?.current === association) source.current = undefined;
		if (source !== undefined && source.pending === undefined && source.current === undefined) {
			this.#sources.delete(key);
		}
		this.#unused.delete(association);
		if (!this.#open.delete(association)) return;
		const id = toHex(association.agreed.sessionId);
		if (this.#bySessionId.get(id) === association) this.#bySessionId.delete(id);
	}
}

/** A plaintext handshake record that begins with a ClientHello. */
function startsClientHello(datagram: Uint8Array): boolean {
	return datagram.length > 59 && datagram[0] === 22 && datagram[3] === 0 && datagram[4] === 0 && datagram[13] === 1;
}

function replaced(): DtlsError {
	return new DtlsError("DTLS_SESSION_ENDED", "a newer session of the same peer took its place");
}

function madeRoom(what: string): DtlsError {
	return new DtlsError("DTLS_SESSION_ENDED", `the ${what} made room for a newer one`);
}

function stopped(): DtlsError {
	return new DtlsError("DTLS_SESSION_ENDED", "the server stopped");
}
