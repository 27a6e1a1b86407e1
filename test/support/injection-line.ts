import { createHttpInjector } from "@iot-esim/eim/bindings/inject";
import type { PackageInjector } from "@iot-esim/eim/esipa/inject-packages";
import type { Ipa } from "@iot-esim/ipa/agent";
import { isCertificateOf } from "@iot-esim/ipa/esipa/eim-certificate";
import { createTransferFace } from "@iot-esim/ipa/esipa/transfer-face";
import { encodePem } from "@iot-esim/shared/pki/pem";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { type Binding, faceClient, type SeenExchange } from "./esipa-face-client.ts";

/** What the eIM is told of a device that packages are brought to in this binding; nothing when it is given none. */
export function injectAddress(pki: TestPki, binding: Binding | undefined) {
	if (binding === undefined) return {};
	const certificate = encodePem("CERTIFICATE", pki.dpTls.certificate);
	return { inject: { url: "https://device.example.com", certificate, binding } };
}

/** The line that an eIM brings packages over: its client, TLS left out, and the listener of an IPA. */
export class InjectionLine {
	/** What came over it. */
	readonly seen: SeenExchange[] = [];
	/** The device cannot be reached. */
	isCut = false;
	/** The device gets what is brought, but its answer is lost. */
	losesAnswers = false;
	/** Changes what is brought, a whole BF4E, on its way to the device. */
	change: (message: Uint8Array) => Uint8Array = (message) => message;
	/** Shown to the listener; that of the eIM unless a test takes another. */
	certificate: Uint8Array;
	readonly injector: PackageInjector;
	#ipa: Ipa | undefined;
	readonly #underWay = new Set<(reason: EsimError) => void>();

	constructor(pki: TestPki, clock: { readonly now: () => number }) {
		this.certificate = pki.eimTls.certificate;
		const fallbackCa = [encodePem("CERTIFICATE", pki.tlsCa.certificate)];
		const face = createTransferFace({
			transfer: (message, shown) => {
				if (this.#ipa === undefined) throw new Error("no device at the end of the line");
				return this.#ipa.transferEimPackage(this.change(message), (eim) =>
					isCertificateOf(eim, shown, { now: clock.now(), fallbackCa }),
				);
			},
			log: memoryLogger().logger("ipa.inject"),
		});
		this.injector = createHttpInjector(() => {
			const client = faceClient(face, (exchange) => this.seen.push(exchange), this.certificate);
			return {
				request: async (request) => {
					if (this.isCut) throw new EsimError("TRANSPORT_UNREACHABLE", "no line");
					const answer = await this.#whileItHolds(client.request(request));
					if (this.losesAnswers) throw new EsimError("TRANSPORT_RESET", "the answer is lost");
					return answer;
				},
				close: () => undefined,
			};
		});
	}

	/** The device at the other end is gone: what waits for its answer gets none. */
	breakOff(): void {
		for (const fail of this.#underWay) fail(new EsimError("TRANSPORT_RESET", "the device is gone"));
	}

	#whileItHolds<T>(request: Promise<T>): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			this.#underWay.add(reject);
			request.then(resolve, reject).finally(() => this.#underWay.delete(reject));
		});
	}

	/** Puts a device at the end of the line. */
	connect(ipa: Ipa): void {
		this.#ipa = ipa;
	}
}
