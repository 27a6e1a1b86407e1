import { createPublicKey } from "node:crypto";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { issueCertificate } from "@iot-esim/shared/pki/issue";
import { encodePem } from "@iot-esim/shared/pki/pem";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { DatagramPath } from "@iot-esim/shared/transport/datagram";
import type { ClientIdentity } from "@iot-esim/shared/transport/http/trust";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import { dtlsAvailable } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { type DtlsServer, listenDtls } from "@iot-esim/shared/transport/native/dtls/listen-dtls";
import type {
	DtlsClientOptions,
	DtlsClientPath,
	DtlsPath,
	DtlsServerOptions,
} from "@iot-esim/shared/transport/native/dtls/options";
import type { DatagramNetwork, OnDatagram } from "@iot-esim/shared/transport/native/dtls/udp-socket";
import { type HostPort, printHostPort } from "@iot-esim/shared/transport/tcp";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Milliseconds } from "@iot-esim/shared/util/duration";
import { afterEach } from "vitest";
import { requireExternal } from "../support/externals.ts";
import { FakeClock } from "../support/fake-clock.ts";
import type { Relay } from "../support/relay.ts";

/** What DTLS can do here; undefined, said aloud, where its native part is missing. */
export const features = await requireExternal("the native part of DTLS (npm run dtls:build)", () => {
	const availability = dtlsAvailable();
	return availability.available ? availability.features : undefined;
});

export const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

/** Dates of the certificates: valid for the fake clock, which begins in 2026, and for the machine's. */
const VALIDITY = { notBefore: Date.UTC(2025, 0, 1), notAfter: Date.UTC(2045, 0, 1) };

export interface TlsCredential extends ClientIdentity {
	readonly der: Uint8Array;
	readonly spki: Uint8Array;
}

type Curve = "P-256" | "brainpoolP256r1";

export interface Ca {
	readonly pem: string;
	issue(name: string, validity?: typeof VALIDITY): TlsCredential;
}

/** A CA that issues certificates for names. */
export function makeCa(curve: Curve = "P-256"): Ca {
	const keyPair = generateKeyPair(curve);
	const own = issueCertificate({
		profile: {
			subject: { commonName: "Test CA" },
			validity: VALIDITY,
			keyUsage: ["keyCertSign"],
			ca: {},
		},
		publicKey: keyPair.publicKey,
		issuer: { privateKey: keyPair.privateKey },
		random: systemRandom,
	});
	return {
		pem: encodePem("CERTIFICATE", own),
		issue: (name, validity = VALIDITY) => {
			const { publicKey, privateKey } = generateKeyPair(curve);
			const der = issueCertificate({
				profile: { subject: { commonName: name }, validity, keyUsage: ["digitalSignature"], dnsNames: [name] },
				publicKey,
				issuer: { certificate: own, privateKey: keyPair.privateKey },
				random: systemRandom,
			});
			return {
				der,
				spki: new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" })),
				certificate: encodePem("CERTIFICATE", der),
				key: privateKey.export({ format: "pem", type: "pkcs8" }) as string,
			};
		},
	};
}

export const SERVER = { host: "192.0.2.10", port: 5684 };
export const DEVICE_HOST = "198.51.100.1";

export interface SeenDatagram {
	readonly toServer: boolean;
	readonly datagram: Uint8Array;
}

/** Server and devices behind one NAT, in memory; what passes is seen, and may be harmed by a relay. */
export class MemoryNetwork implements DatagramNetwork {
	readonly seen: SeenDatagram[] = [];
	relay: Relay | undefined;
	/** Drops what it says true to. */
	drops: (seen: SeenDatagram) => boolean = () => false;
	readonly #clock: Clock;
	readonly #ends = new Map<string, OnDatagram>();
	#port = 40_000;
	/** How far the NAT has moved ports since the beginning. */
	#moved = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	async open(local: HostPort, onDatagram: OnDatagram) {
		const isServer = local.host === SERVER.host;
		const address = local.port !== 0 ? local : { host: DEVICE_HOST, port: this.#port++ };
		const key = printHostPort(address);
		this.#ends.set(key, onDatagram);
		return {
			address,
			send: (datagram: Uint8Array, to: HostPort) => {
				if (isServer) this.toDevice(datagram, address, to);
				else this.toServer(datagram, { ...address, port: address.port + this.#moved }, to);
			},
			close: async () => {
				this.#ends.delete(key);
			},
		};
	}

	async resolve(host: string): Promise<string> {
		return /^[\d.]+$/.test(host) ? host : SERVER.host;
	}

	/** Every device is heard from another port from now on, and nothing sent to the old ones arrives. */
	rebind(): void {
		this.#moved += 1_000;
	}

	/** As from anybody on the way. */
	toServer(datagram: Uint8Array, from: HostPort, to: HostPort = SERVER): void {
		this.#pass(true, datagram, () => this.#ends.get(printHostPort(to))?.(datagram, from));
	}

	toDevice(datagram: Uint8Array, from: HostPort, to: HostPort): void {
		const inside = { host: to.host, port: to.port - this.#moved };
		this.#pass(false, datagram, () => this.#ends.get(printHostPort(inside))?.(datagram, from));
	}

	#pass(toServer: boolean, datagram: Uint8Array, deliver: () => void): void {
		const seen = { toServer, datagram: datagram.slice() };
		this.seen.push(seen);
		if (this.drops(seen)) return;
		if (this.relay !== undefined) this.relay.pass(toServer ? "toServer" : "toClient", datagram.length, deliver);
		else this.#clock.schedule(Milliseconds(1), deliver);
	}
}

type Some<T> = Partial<T>;

/** A server and clients on a fake clock. */
export class DtlsBench {
	readonly clock = new FakeClock();
	readonly network = new MemoryNetwork(this.clock);
	readonly paths: DtlsPath[] = [];
	readonly failures: Error[] = [];

	async listen(options: Some<DtlsServerOptions> & Pick<DtlsServerOptions, "trust">): Promise<DtlsServer> {
		const { clock, network } = this;
		const server = await listenDtls(
			{ clock, network, ...SERVER, onHandshakeFailed: (_, error) => this.failures.push(error), ...options },
			(path) => this.paths.push(path),
		);
		closers.push(() => server.close());
		return server;
	}

	async connect(options: Some<DtlsClientOptions> & Pick<DtlsClientOptions, "trust">): Promise<DtlsClientPath> {
		const { clock, network } = this;
		const path = await clock.until(connectDtls({ clock, network, host: "eim.example.com", port: 5684, ...options }));
		closers.push(() => path.close());
		await clock.advance(100);
		return path;
	}
}

/** What a path hands over, as text; `closed` is the last call. */
export function listenTo(path: DatagramPath): { readonly heard: string[]; closed: boolean; cause: Error | undefined } {
	const seen = { heard: [] as string[], closed: false, cause: undefined as Error | undefined };
	path.receive({
		datagram: (bytes) => seen.heard.push(new TextDecoder().decode(bytes)),
		closed: (cause) => {
			seen.closed = true;
			seen.cause = cause;
		},
	});
	return seen;
}

export const say = (path: DatagramPath, text: string) => path.send(utf8(text));
