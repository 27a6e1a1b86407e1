import type { Clock } from "../../../runtime/clock.ts";
import { Milliseconds } from "../../../util/duration.ts";
import type { DatagramReceiver, ProvenPeer } from "../../datagram.ts";
import type { NativeAgreed, NativeSession, NativeStep } from "./addon.ts";
import { alertText, DtlsError } from "./errors.ts";
import { DTLS_CIPHER_SUITES, type DtlsCipherSuite, type DtlsPath } from "./options.ts";

/** Messages kept for a receiver that has not come yet. */
const MAX_WAITING = 64;

export interface AssociationDeps {
	readonly clock: Clock;
	readonly remoteAddress: string;
	readonly handshakeTimeout: number;
	transmit(datagram: Uint8Array): void;
	/** Why this side refused the peer, when it did. */
	takeRefusal(): string | undefined;
	/** The identity whose pre-shared key has come into use just now, when one has. */
	takeIdentity(): string | undefined;
	/** Once, when the handshake is done. */
	opened(association: Association): void;
	/** Once; with a cause unless the end was asked for by either side. */
	ended(association: Association, cause: Error | undefined): void;
	/** A datagram of the peer was good, or one was sent. */
	active?(association: Association): void;
}

/** Drives one native session: its datagrams, its timers, and the path that it becomes. */
export class Association implements DtlsPath {
	readonly clientRandom: Uint8Array;
	readonly remoteAddress: string;
	readonly #native: NativeSession;
	readonly #deps: AssociationDeps;
	readonly #waiting: Uint8Array[] = [];
	#receiver: DatagramReceiver | undefined;
	#agreed: NativeAgreed | undefined;
	#timerGeneration = 0;
	#cancelTimer: () => void = () => undefined;
	#cancelDeadline: () => void = () => undefined;
	#ended: { readonly cause: Error | undefined } | undefined;
	#isAtWork = false;
	#isUsed = false;
	/** Of a pre-shared key; claimed only, until the handshake is done. */
	#identity: string | undefined;

	constructor(native: NativeSession, deps: AssociationDeps) {
		this.#native = native;
		this.#deps = deps;
		this.remoteAddress = deps.remoteAddress;
		this.clientRandom = native.clientRandom();
	}

	/** Sends the first flight, or answers the hello. */
	start(): void {
		const { clock, handshakeTimeout } = this.#deps;
		this.#cancelDeadline = clock.schedule(Milliseconds(handshakeTimeout), () => {
			this.end(this.#lateness(Math.round(handshakeTimeout / 1000)));
		});
		this.#step(() => this.#native.start());
	}

	take(datagram: Uint8Array): void {
		if (this.#ended === undefined && !this.#isAtWork) this.#step(() => this.#native.receive(datagram));
	}

	get isOpen(): boolean {
		return this.#agreed !== undefined && this.#ended === undefined;
	}

	get hasEnded(): boolean {
		return this.#ended !== undefined;
	}

	/** It has carried a datagram, either way. */
	get isUsed(): boolean {
		return this.#isUsed;
	}

	get agreed(): NativeAgreed {
		if (this.#agreed === undefined) throw new Error("the handshake is not done");
		return this.#agreed;
	}

	get proven(): ProvenPeer {
		const { certificate, publicKey, pskIdentity } = this.agreed;
		return {
			...(certificate === undefined ? {} : { certificate }),
			...(publicKey === undefined ? {} : { publicKey }),
			...(pskIdentity === undefined ? {} : { pskIdentity }),
		};
	}

	get maxDatagram(): number {
		return this.agreed.largestMessage;
	}

	get cipherSuite(): DtlsCipherSuite {
		const all = Object.entries(DTLS_CIPHER_SUITES) as [DtlsCipherSuite, string][];
		const found = all.find(([, name]) => name === this.agreed.cipherSuite);
		if (found === undefined) throw new Error(`${this.agreed.cipherSuite} was never offered`);
		return found[0];
	}

	get isResumed(): boolean {
		return this.agreed.isResumed;
	}

	/** What resumes this session, while it is open. */
	export(): Uint8Array | undefined {
		return this.#native.export();
	}

	send(datagram: Uint8Array): void {
		if (datagram.length > this.maxDatagram) {
			throw new DtlsError(
				"DTLS_DATAGRAM_TOO_LARGE",
				`${datagram.length} octets do not fit into one datagram of this session, which takes ${this.maxDatagram}`,
			);
		}
		if (this.#ended !== undefined || datagram.length === 0) return;
		this.#isUsed = true;
		this.#step(() => this.#native.send(datagram));
	}

	receive(receiver: DatagramReceiver): void {
		this.#receiver = receiver;
		for (const datagram of this.#waiting.splice(0)) receiver.datagram(datagram);
		if (this.#ended !== undefined) receiver.closed(this.#ended.cause);
	}

	close(): void {
		if (this.#isAtWork) this.end(undefined);
		else if (this.#ended === undefined) this.#step(() => this.#native.close());
	}

	/** Ends without a word to the peer; also from within a question that the handshake asks (trust, key). */
	end(cause: Error | undefined): void {
		if (this.#ended !== undefined) return;
		this.#ended = { cause };
		this.#cancelTimer();
		this.#cancelDeadline();
		if (!this.#isAtWork) this.#native.free();
		this.#deps.ended(this, cause);
		this.#receiver?.closed(cause);
	}

	#step(work: () => NativeStep): void {
		this.#isAtWork = true;
		let step: NativeStep;
		try {
			step = work();
		} finally {
			this.#isAtWork = false;
			this.#identity = this.#deps.takeIdentity() ?? this.#identity;
			if (this.#ended !== undefined) this.#native.free();
		}
		if (this.#ended === undefined) this.#apply(step);
	}

	#apply(step: NativeStep): void {
		for (const datagram of step.sent) this.#deps.transmit(datagram);
		if (step.received.length > 0) this.#isUsed = true;
		if (step.timerGeneration !== this.#timerGeneration) this.#arm(step);
		if (step.sent.length > 0 || step.received.length > 0) this.#deps.active?.(this);
		if (step.state === "open" && this.#agreed === undefined) {
			this.#cancelDeadline();
			this.#agreed = this.#native.agreed();
			this.#deps.opened(this);
		}
		for (const message of step.received) this.#deliver(message);
		if (step.state === "closed") this.end(undefined);
		if (step.state === "failed") this.end(this.#failure(step));
	}

	#arm({ timerGeneration, timerMs }: NativeStep): void {
		this.#timerGeneration = timerGeneration;
		this.#cancelTimer();
		if (timerMs === 0) return;
		this.#cancelTimer = this.#deps.clock.schedule(Milliseconds(timerMs), () => {
			if (this.#ended === undefined) this.#step(() => this.#native.timer());
		});
	}

	#deliver(message: Uint8Array): void {
		if (this.#ended !== undefined) return;
		if (this.#receiver !== undefined) this.#receiver.datagram(message);
		else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(message);
	}

	#failure(step: NativeStep): DtlsError {
		const peer = this.remoteAddress;
		const refusal = this.#deps.takeRefusal();
		const context = { pskIdentity: this.#identity };
		if (refusal !== undefined) {
			return new DtlsError("DTLS_PEER_UNTRUSTED", `${peer} is not trusted: ${refusal}`, { context });
		}
		if (step.alert >= 0) {
			const what = this.#agreed === undefined ? "handshake" : "session";
			const message = `${peer} refused the ${what} with the alert ${alertText(step.alert, this.#identity)}`;
			return new DtlsError("DTLS_REFUSED", message, { context });
		}
		const message = `the DTLS session with ${peer} failed: ${step.reason}`;
		return new DtlsError("DTLS_HANDSHAKE_FAILED", message, { context });
	}

	/** What cannot be decrypted is dropped in silence (RFC 6347 4.1.2.7), so a wrong key is not said by anybody. */
	#lateness(seconds: number): DtlsError {
		const peer = this.remoteAddress;
		const pskIdentity = this.#identity;
		if (pskIdentity === undefined) {
			return new DtlsError("DTLS_TIMEOUT", `${peer} did not complete the handshake in ${seconds} s`);
		}
		const message = `${peer} did not complete the handshake in ${seconds} s, silent since the pre-shared key of "${pskIdentity}" came into use: most likely it has another key for this identity`;
		return new DtlsError("DTLS_KEY_MISMATCH", message, { context: { pskIdentity } });
	}
}
