import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair, type KeyPair } from "@iot-esim/shared/crypto/ecdsa";
import type { EuiccResultData } from "@iot-esim/shared/messages/sgp32/command-results";
import { AddInitialEimRequest, type EimConfigurationData } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { type EuiccPackage, EuiccPackageRequest } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { signEuiccPackage } from "@iot-esim/shared/security/package-signature";
import { concatBytes, fromHex } from "@iot-esim/shared/util/bytes";
import type { CardBench } from "./card-bench.ts";
import { isSignedByCard } from "./test-smdp.ts";

/** What a signed result says, after its signature was verified by OpenSSL. */
export interface VerifiedResult {
	readonly eimId: string;
	readonly counterValue: number;
	readonly eimTransactionId?: Uint8Array;
	readonly seqNumber: number;
	readonly euiccResult: readonly EuiccResultData[];
}

/** An eIM for tests: a key, a counter and a token. */
export class TestEim {
	readonly eimId: string;
	readonly keyPair: KeyPair;
	counter = 0;
	token = 0;

	constructor(eimId = "eim.example.com", keyPair: KeyPair = generateKeyPair("P-256")) {
		this.eimId = eimId;
		this.keyPair = keyPair;
	}

	/** What a card is given to be associated with this eIM. */
	configuration(changes: Partial<EimConfigurationData> = {}): EimConfigurationData {
		return {
			eimId: this.eimId,
			eimFqdn: "eim.example.com",
			eimIdType: 2,
			counterValue: this.counter,
			associationToken: -1,
			eimPublicKeyData: {
				eimPublicKey: new Uint8Array(this.keyPair.publicKey.export({ format: "der", type: "spki" })),
			},
			...changes,
		};
	}

	/** AddInitialEim; the token that the card chose is remembered. */
	async associate(bench: CardBench, changes: Partial<EimConfigurationData> = {}): Promise<this> {
		const request = { eimConfigurationDataList: [this.configuration(changes)] };
		const { data } = await bench.es10(encode(AddInitialEimRequest, request));
		// BF57 L A0 L 84 L token
		if (data[5] !== 0x84) throw new Error(`not associated: ${data}`);
		this.token = data.at(-1) as number;
		return this;
	}

	/** A signed package with the next counter. */
	request(
		bench: CardBench,
		euiccPackage: EuiccPackage,
		changes: { readonly counterValue?: number; readonly eid?: Uint8Array; readonly token?: number } = {},
	): Uint8Array {
		const counterValue = changes.counterValue ?? ++this.counter;
		return encode(
			EuiccPackageRequest,
			signEuiccPackage({
				euiccPackageSigned: {
					eimId: this.eimId,
					eidValue: changes.eid ?? fromHex(bench.card.eid),
					counterValue,
					eimTransactionId: Uint8Array.of(0xe1, counterValue & 0xff),
					euiccPackage,
				},
				associationToken: changes.token ?? this.token,
				privateKey: this.keyPair.privateKey,
			}),
		);
	}

	/** Loads a package and gives its verified result. */
	async load(bench: CardBench, euiccPackage: EuiccPackage): Promise<VerifiedResult> {
		const { data } = await bench.es10(this.request(bench, euiccPackage));
		return this.verified(bench, data);
	}

	/** The result with its signature checked over the received octets and this eIM's token. */
	verified(bench: CardBench, der: Uint8Array): VerifiedResult {
		const result = decode(EuiccPackageResult, der);
		if (!("euiccPackageResultSigned" in result)) throw new Error(`no signed result: ${JSON.stringify(result)}`);
		const { euiccPackageResultDataSigned: data, euiccSignEPR } = result.euiccPackageResultSigned;
		if (!isSignedByCard(bench.pki.euicc.certificate, concatBytes(data.der, this.tokenTlv), euiccSignEPR)) {
			throw new Error("the signature of the result is wrong");
		}
		return data.value;
	}

	/** 84 with a token below 128. */
	get tokenTlv(): Uint8Array {
		return Uint8Array.of(0x84, 1, this.token);
	}
}
