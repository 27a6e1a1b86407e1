import { printHostPort } from "../../tcp.ts";
import { Association } from "./association.ts";
import { createEndpoint, type Endpoint } from "./endpoint.ts";
import { DtlsError } from "./errors.ts";
import type { DtlsClientOptions, DtlsClientPath } from "./options.ts";
import { digestOf, packSession, unpackSession } from "./stored-session.ts";
import { type DatagramSocket, udpNetwork } from "./udp-socket.ts";

/**
 * Opens a DTLS session as client and resolves when both sides have proven themselves. With `session` of an earlier path
 * it is resumed where the server still knows it, and made anew otherwise: that is how a client goes on after its address
 * has changed, which it notices by silence.
 * @throws DtlsError DTLS_PEER_UNTRUSTED, DTLS_REFUSED, DTLS_HANDSHAKE_FAILED, DTLS_TIMEOUT, DTLS_KEY_MISMATCH, DTLS_OPTIONS_INVALID,
 *   DTLS_ADDON_MISSING, DTLS_FEATURE_MISSING
 * @throws TransportError TRANSPORT_NAME_UNKNOWN, TRANSPORT_LISTEN_FAILED
 */
export async function connectDtls(options: DtlsClientOptions): Promise<DtlsClientPath> {
	const { trust, key } = options;
	const looksAtName = trust.kind === "ca" || trust.kind === "pinned-certificate";
	const endpoint = createEndpoint(options, {
		isServer: false,
		serverName: looksAtName ? (options.serverName ?? options.host) : undefined,
		pskIdentity: key?.identity,
		keyOf: key && (() => key.key),
		sessions: undefined,
	});
	try {
		return await open(options, endpoint, options.session);
	} catch (error) {
		// A session that has become useless must not lock a device out.
		const isLate = error instanceof DtlsError && LATE.includes(error.code);
		const isWorthAnother = error instanceof DtlsError && !isLate && !options.signal?.aborted;
		if (options.session === undefined || !isWorthAnother) throw error;
		return await open(options, endpoint, undefined);
	}
}

const LATE: readonly string[] = ["DTLS_TIMEOUT", "DTLS_KEY_MISMATCH"];

async function open(
	options: DtlsClientOptions,
	endpoint: Endpoint,
	session: Uint8Array | undefined,
): Promise<DtlsClientPath> {
	const { signal } = options;
	signal?.throwIfAborted();
	const network = options.network ?? udpNetwork;
	const remote = { host: await network.resolve(options.host), port: options.port };
	signal?.throwIfAborted();
	const local = options.local ?? { host: remote.host.includes(":") ? "::" : "0.0.0.0", port: 0 };
	let association: Association | undefined;
	const socket: DatagramSocket = await network.open(local, (datagram, from) => {
		if (from.port === remote.port && from.host === remote.host) association?.take(datagram);
	});
	let closed: Promise<void> | undefined;
	const close = () => {
		closed ??= socket.close().catch(() => undefined);
		return closed;
	};
	try {
		signal?.throwIfAborted();
		const native = endpoint.native.connect(usableSession(options, session), sentName(options), options.clock.now());
		return await new Promise<DtlsClientPath>((resolve, reject) => {
			const onAbort = () => association?.end(signal?.reason);
			association = new Association(native, {
				clock: options.clock,
				remoteAddress: printHostPort(remote),
				handshakeTimeout: options.handshakeTimeout ?? 120_000,
				transmit: (datagram) => socket.send(datagram, remote),
				takeRefusal: endpoint.takeRefusal,
				takeIdentity: endpoint.takeIdentity,
				opened: (opened) => {
					signal?.removeEventListener("abort", onAbort);
					const refusal = opened.isResumed ? refusalOfResumed(endpoint, opened) : undefined;
					if (refusal === undefined) return resolve(clientPath(opened, options));
					opened.end(new DtlsError("DTLS_PEER_UNTRUSTED", `${opened.remoteAddress} is not trusted: ${refusal}`));
				},
				ended: (_, cause) => {
					signal?.removeEventListener("abort", onAbort);
					void close();
					reject(cause ?? new DtlsError("DTLS_REFUSED", `${printHostPort(remote)} closed the session at once`));
				},
			});
			signal?.addEventListener("abort", onAbort, { once: true });
			association.start();
		});
	} catch (error) {
		await close();
		throw error;
	}
}

/** The session of an earlier path, unless it was made with another key than this one. */
function usableSession({ key }: DtlsClientOptions, session: Uint8Array | undefined): Uint8Array | undefined {
	if (session === undefined) return undefined;
	return unpackSession(session, (identity) => (identity === key?.identity ? key.key : undefined));
}

/** Only a server that may hold several certificates needs the name; it costs octets. */
function sentName({ trust, serverName, host }: DtlsClientOptions): string {
	const name = serverName ?? host;
	const isName = /[a-z]/i.test(name) && !name.includes(":");
	return trust.kind === "ca" && isName ? name : "";
}

/** A resumed session proves that the peer is the one of the earlier handshake; whether that one is trusted may have changed. */
function refusalOfResumed(endpoint: Endpoint, { proven }: Association): string | undefined {
	if (proven.publicKey === undefined) return undefined;
	return endpoint.judge(proven, undefined);
}

function clientPath(association: Association, { key }: DtlsClientOptions): DtlsClientPath {
	const exported = association.export();
	const { proven, cipherSuite, isResumed, maxDatagram, remoteAddress } = association;
	const by = proven.pskIdentity === undefined || key === undefined ? undefined : key;
	return {
		session: exported && packSession(exported, by && { identity: by.identity, digest: digestOf(by.key) }),
		proven,
		cipherSuite,
		isResumed,
		maxDatagram,
		remoteAddress,
		send: (datagram) => association.send(datagram),
		receive: (receiver) => association.receive(receiver),
		close: () => association.close(),
		abandon: () => association.end(undefined),
	};
}
