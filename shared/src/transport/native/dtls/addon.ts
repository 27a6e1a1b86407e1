import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** What came of one call to a session. */
export interface NativeStep {
	readonly sent: readonly Uint8Array[];
	readonly received: readonly Uint8Array[];
	readonly state: "handshake" | "open" | "closed" | "failed";
	/** OpenSSL's words when failed, else empty. */
	readonly reason: string;
	/** The last fatal alert of the peer, -1 when none. */
	readonly alert: number;
	/** Counts up whenever the retransmission timer is set or stopped. */
	readonly timerGeneration: number;
	/** Milliseconds until `timer()` is to be called, 0 for never. */
	readonly timerMs: number;
}

export interface NativeAgreed {
	readonly certificate?: Uint8Array;
	readonly publicKey?: Uint8Array;
	readonly pskIdentity?: string;
	readonly cipherSuite: string;
	readonly isResumed: boolean;
	readonly largestMessage: number;
	readonly sessionId: Uint8Array;
}

/** One association; all calls but `free` are refused after `free` and from within a hook. */
export interface NativeSession {
	start(): NativeStep;
	receive(datagram: Uint8Array): NativeStep;
	send(message: Uint8Array): NativeStep;
	timer(): NativeStep;
	close(): NativeStep;
	agreed(): NativeAgreed;
	/** DER of an SSL_SESSION with the master secret in it. */
	export(): Uint8Array | undefined;
	clientRandom(): Uint8Array;
	free(): void;
}

export interface NativeEndpoint {
	/** Undefined: dropped. Octets: a HelloVerifyRequest to send back. Session: to be started. */
	hello(address: Uint8Array, datagram: Uint8Array, now: number): Uint8Array | NativeSession | undefined;
	connect(resumed: Uint8Array | undefined, serverName: string, now: number): NativeSession;
}

/** Texts that are absent are empty. */
export interface NativeEndpointOptions {
	readonly isServer: boolean;
	readonly certificates: string;
	readonly privateKey: string;
	readonly trusted: string;
	readonly cipherSuites: string;
	readonly asksCertificate: boolean;
	readonly rawPublicKeys: boolean;
	readonly hasKeys: boolean;
	readonly identity: string;
	readonly logsKeys: boolean;
	readonly keepsSessions: boolean;
	readonly mtu: number;
	readonly firstRetransmitMs: number;
	readonly longestRetransmitMs: number;
}

/** Called within a call to endpoint or session. What throws counts as "no". */
export interface NativeHooks {
	trust(certificate: Uint8Array | undefined, publicKey: Uint8Array, chainError: string | undefined): boolean;
	keyOf(identity: string): Uint8Array | undefined;
	/** `identity` and `keyDigest` (SHA-256) of the pre-shared key, when the session was made with one. */
	keepSession(id: Uint8Array, session: Uint8Array, identity?: string, keyDigest?: Uint8Array): void;
	findSession(id: Uint8Array): Uint8Array | undefined;
	logKey(line: string): void;
}

export interface DtlsFeatures {
	readonly openssl: string;
	/** RFC 7250. */
	readonly rawPublicKeys: boolean;
	/** Retransmissions follow a clock that runs ahead of the machine's. */
	readonly foreignClock: boolean;
}

export interface NativeAddon {
	features(): DtlsFeatures;
	createEndpoint(options: NativeEndpointOptions, hooks: NativeHooks): NativeEndpoint;
}

type Loaded = { readonly addon: NativeAddon } | { readonly reason: string };

/** The folder of the sources: this one, or from `dist` the one it was compiled from. */
const FOLDERS = ["./", "../../../../src/transport/native/dtls/"];

let loaded: Loaded | undefined;

/** Loads the native part once: one built here before the one of the optional package. */
export function loadAddon(): Loaded {
	loaded ??= loadFrom(addonPaths(platformName()), platformName());
	return loaded;
}

/** Where the addon for `platform` may be, best first. */
export function addonPaths(platform: string): string[] {
	const built = FOLDERS.map((folder) =>
		fileURLToPath(new URL(`${folder}build/${platform}/dtls.node`, import.meta.url)),
	);
	const packaged = packagedAddon(platform);
	return [...built, ...(packaged === undefined ? [] : [packaged])];
}

/** npm installs it where `os`, `cpu` and `libc` of its package.json fit. */
function packagedAddon(platform: string): string | undefined {
	try {
		return createRequire(import.meta.url).resolve(packageName(platform));
	} catch {
		return undefined;
	}
}

function packageName(platform: string): string {
	return `@iot-esim/dtls-${platform}`;
}

/** "linux-x64", "linux-arm64-musl": what a binary is for. */
export function platformName(): string {
	const libc = process.platform === "linux" && !usesGlibc() ? "-musl" : "";
	return `${process.platform}-${process.arch}${libc}`;
}

function usesGlibc(): boolean {
	const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
	return report?.header?.glibcVersionRuntime !== undefined;
}

/** The first of `paths` that is there and loads; otherwise why none does. */
export function loadFrom(paths: readonly string[], platform: string): Loaded {
	const present = paths.filter((path) => existsSync(path));
	const advice = "`npm run dtls:build` builds it where g++ and Node's headers are";
	if (present.length === 0) {
		const packages = "Linux on x64 and arm64 with glibc has it as an optional package";
		return {
			reason: `no native part for ${platform} is there: ${packages} (${packageName(platform)} is not installed); ${advice}`,
		};
	}
	const troubles: string[] = [];
	for (const path of present) {
		try {
			return { addon: createRequire(import.meta.url)(path) as NativeAddon };
		} catch (cause) {
			troubles.push(cause instanceof Error ? cause.message : String(cause));
		}
	}
	return { reason: `${troubles.join("; ")}; ${advice}` };
}
