import { createEsipaFace } from "@iot-esim/eim/bindings/esipa-face";
import { type Device, newDevice } from "@iot-esim/eim/domain/device";
import type { Operation, OperationOrder } from "@iot-esim/eim/domain/operation";
import type { Es9PlusClient } from "@iot-esim/eim/es9plus/es9plus-client";
import type { Es11Client } from "@iot-esim/eim/es9plus/smds";
import type { EsipaDeps, EsipaPeer, EsipaSettings } from "@iot-esim/eim/esipa/esipa-deps";
import { createEsipaHandler, type EsipaHandler, esipaContext } from "@iot-esim/eim/esipa/handler";
import type { PackageInjector } from "@iot-esim/eim/esipa/inject-packages";
import { JobRunner } from "@iot-esim/eim/jobs/job-runner";
import { jobWork } from "@iot-esim/eim/jobs/job-work";
import { memoryKey } from "@iot-esim/eim/keys/file-key";
import { openStore } from "@iot-esim/eim/storage/open-store";
import type { Store } from "@iot-esim/eim/storage/store";
import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { Eid } from "@iot-esim/shared/ids/eid";
import { EimId } from "@iot-esim/shared/ids/eim-id";
import type { EuiccResultData } from "@iot-esim/shared/messages/sgp32/command-results";
import { GetEimPackageResponse, ProvideEimPackageResultResponse } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { EuiccPackageRequest } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { TrustStore } from "@iot-esim/shared/pki/trust-store";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import {
	signEuiccPackageError,
	signEuiccPackageResult,
	verifyEuiccPackage,
} from "@iot-esim/shared/security/package-signature";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Days, type Duration, Hours } from "@iot-esim/shared/util/duration";
import { makeTestPki, type TestPki } from "@iot-esim/sim/pki/test-pki";
import { observeMessages } from "../conformance/observed-messages.ts";
import { FakeClock } from "./fake-clock.ts";

export const EIM_ID = EimId("eim.example.com");
const START = Date.UTC(2026, 0, 1);

const shared: Partial<Record<Curve, TestPki>> = {};

/** One PKI of a curve for all tests of a file: keys take time. */
export function testPki(curve: Curve = "P-256"): TestPki {
	shared[curve] ??= makeTestPki({ curve, random: systemRandom, now: START });
	return shared[curve];
}

/** An SM-DP+ that is not there: every call fails the test that did not expect it. */
export function noSmdp(): Es9PlusClient {
	const unexpected = () => Promise.reject(new Error("no SM-DP+ in this test"));
	return {
		initiateAuthentication: unexpected,
		authenticateClient: unexpected,
		getBoundProfilePackage: unexpected,
		cancelSession: unexpected,
		handleNotification: unexpected,
	};
}

function noSmds(): Es11Client {
	const unexpected = () => Promise.reject(new Error("no SM-DS in this test"));
	return { initiateAuthentication: unexpected, authenticateClient: unexpected };
}

const audit = { at: START, actor: "test", action: "test", subject: "test", facts: {} };

export interface BenchOptions {
	readonly settings?: Partial<EsipaSettings>;
	readonly es9plus?: Es9PlusClient;
	readonly es11?: Es11Client;
	readonly pki?: TestPki;
	/** Of the shared PKI, when no other is given; P-256 when absent. */
	readonly curve?: Curve;
	readonly crls?: EsipaDeps["crls"];
	/** The way to devices that packages are brought to. */
	readonly injector?: PackageInjector;
	/** The signing key, where it is not the one of the PKI. */
	readonly signer?: EsipaDeps["signer"];
	readonly formerSigners?: EsipaDeps["formerSigners"];
	/** A database that another eIM process has left. */
	readonly store?: Store;
}

/** The eIM's ESipa over an empty store in memory and a clock that stands still. */
export async function esipaBench(given: BenchOptions = {}) {
	const pki = given.pki ?? testPki(given.curve);
	const clock = new FakeClock(START);
	const store = given.store ?? (await openStore({ file: ":memory:" }));
	const { logger, entries } = memoryLogger();
	const unregistered: string[] = [];
	const eimId = given.settings?.eimId ?? EIM_ID;
	const deps: EsipaDeps = {
		store,
		signer: given.signer ?? memoryKey(pki.eimSign.privateKey, pki.eimSign.certificate),
		formerSigners: given.formerSigners ?? [],
		ownEim: () => ({ eimId, eimFqdn: eimId }),
		es9plus: given.es9plus ?? noSmdp(),
		es11: given.es11 ?? noSmds(),
		trust: TrustStore.of([pki.ci.certificate]),
		crls: given.crls ?? (() => []),
		clock,
		random: systemRandom,
		logger,
		settings: { ...benchSettings, ...given.settings },
		onUnregistered: (esipaFunction) => unregistered.push(esipaFunction),
	};
	const handler = observedHandler(createEsipaHandler(deps));
	const send = (body: Uint8Array, peer: Partial<EsipaPeer> = {}) =>
		handler.handle(body, { remoteAddress: "192.0.2.1", ...peer });
	return {
		pki,
		clock,
		store,
		entries,
		/** Functions that devices have called which are not registered, each time. */
		unregistered,
		deps,
		/** Both bindings over HTTP, as devices reach them. */
		face: createEsipaFace({ handler, log: logger("eim.esipa") }),
		jobs: new JobRunner({ store, clock, logger, work: jobWork(esipaContext(deps), given.injector) }),
		/** Sends a message that has an answer. */
		async ask(body: Uint8Array): Promise<Uint8Array> {
			const answer = await send(body);
			if (answer === null) throw new Error("no answer");
			return answer;
		},
		send,
		async register(eid: Eid, change: Partial<Device> = {}): Promise<void> {
			await store.registerDevice({ ...newDevice({ eid, at: clock.now() }), ...change }, audit);
		},
		/** A device whose certificates are known. */
		known: { euiccCertificate: pki.euicc.certificate, eumCertificate: pki.eum.certificate },
		order: (eid: Eid, order: OperationOrder, lifetime = Hours(1)) => enqueue(store, clock.now(), eid, order, lifetime),
		async state(id: string): Promise<string | undefined> {
			return (await store.loadOperation(id))?.state;
		},
		close: () => store.close(),
	};
}

/** The eIM's functions, their messages noted for the conformance page. */
function observedHandler({ handle }: EsipaHandler): EsipaHandler {
	return {
		handle: async (body, peer) => {
			const answer = await handle(body, peer);
			observeMessages(body, answer);
			return answer;
		},
	};
}

const benchSettings: EsipaSettings = {
	eimId: EIM_ID,
	enrolment: [],
	seenUnknownBound: 3,
	ownOperationLifetime: Days(7),
	// One failure ends an operation where a test is not about giving it out again.
	offers: 1,
	sessionLifetime: Days(1),
	download: {
		profileClasses: ["operational", "provisioning", "test"],
		largestMetadata: 8192,
		isConsentGranted: true,
	},
};

/** An operation as the API makes it; its id. */
async function enqueue(
	store: Store,
	now: number,
	eid: Eid,
	order: OperationOrder,
	lifetime: Duration,
): Promise<string> {
	const id = `op-${toHex(systemRandom.bytes(4))}`;
	const times = { createdAt: now, updatedAt: now, expiresAt: now + lifetime };
	const operation: Operation = {
		...order,
		...times,
		id,
		eid,
		tenantId: "default",
		origin: "operator",
		state: "queued",
	};
	await store.enqueueOperation(operation, audit);
	return id;
}

/** BF4F of a device. */
export function poll(eid: Eid, ...more: Uint8Array[]): Uint8Array {
	return tlv(0xbf4f, tlv(0x5a, Eid.toBytes(eid)), ...more);
}

/** BF50 of a device. */
export function result(eid: Eid, ...members: Uint8Array[]): Uint8Array {
	return tlv(0xbf50, tlv(0x5a, Eid.toBytes(eid)), ...members);
}

/** The package in a BF4F, or its error code. */
export function packageIn(answer: Uint8Array): GetEimPackageResponse {
	return decode(GetEimPackageResponse, answer);
}

/** Sequence numbers in a BF50, or what stands there instead. */
export function acknowledgedIn(answer: Uint8Array): readonly number[] | ProvideEimPackageResultResponse {
	const response = decode(ProvideEimPackageResultResponse, answer);
	return "eimAcknowledgements" in response ? response.eimAcknowledgements : response;
}

/** The signing side of a card: executes nothing, signs what the test says that it did. */
export class SigningCard {
	readonly #pki: TestPki;
	readonly token: number;
	seqNumber: number;

	constructor(pki: TestPki, token = 0, firstSeqNumber = 1) {
		this.#pki = pki;
		this.token = token;
		this.seqNumber = firstSeqNumber;
	}

	/** Checks the eIM's signature as a card does, and gives what was signed. */
	open(answer: Uint8Array) {
		const response = packageIn(answer);
		if (!("euiccPackageRequest" in response)) throw new Error(`no eUICC package: ${Object.keys(response)}`);
		const request = decode(EuiccPackageRequest, response.euiccPackageRequest.der);
		const publicKey = memoryPublicKey(this.#pki);
		return verifyEuiccPackage({ request, associationToken: this.token, publicKey });
	}

	/** BF51 with these results, signed for the package in `answer`. */
	execute(answer: Uint8Array, euiccResult: EuiccResultData[], change: { counterValue?: number } = {}): Uint8Array {
		const { eimId, counterValue, eimTransactionId } = this.open(answer);
		const data = {
			eimId,
			counterValue: change.counterValue ?? counterValue,
			...(eimTransactionId === undefined ? {} : { eimTransactionId }),
			seqNumber: this.seqNumber++,
			euiccResult,
		};
		const { privateKey } = this.#pki.euicc;
		return encode(EuiccPackageResult, signEuiccPackageResult({ data, associationToken: this.token, privateKey }));
	}

	/** BF51 with a signed error. */
	refuse(answer: Uint8Array, euiccPackageErrorCode: number): Uint8Array {
		const { eimId, counterValue, eimTransactionId } = this.open(answer);
		const transaction = eimTransactionId === undefined ? {} : { eimTransactionId };
		const data = { eimId, counterValue, ...transaction, euiccPackageErrorCode };
		const { privateKey } = this.#pki.euicc;
		return encode(EuiccPackageResult, signEuiccPackageError({ data, associationToken: this.token, privateKey }));
	}
}

function memoryPublicKey(pki: TestPki) {
	return parseCertificate(pki.eimSign.certificate).publicKey;
}
