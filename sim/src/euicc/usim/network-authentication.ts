/** Keys and sequence numbers of one USIM or ISIM, as the card's memory keeps them. */

import { type ProfileAlgorithm, profileAlgorithm } from "@iot-esim/shared/crypto/aka/profile-algorithm";
import { type SequencePolicy, sequencePolicyOf, sqnToNumber } from "@iot-esim/shared/crypto/aka/sequence";
import type { AlgoParameter, PeAkaParameter } from "@iot-esim/shared/messages/pe/aka";

export interface NetworkAuthentication {
	/** As in PE-AKAParameter. */
	readonly algorithm: ProfileAlgorithm;
	readonly policy: SequencePolicy;
	/** Highest accepted SEQ by index. */
	sequenceNumbers: readonly number[];
	/** Authentications that are still allowed; absent when nothing limits them. */
	authenticationsLeft?: number;
}

/** authCounterMax of this value and absence both mean "no limit". */
const UNLIMITED = 0xffffff;
const INDEXES = 32;

/**
 * What a PE-AKAParameter with keys of its own configures.
 * @throws CryptoError CRYPTO_LENGTH_INVALID when the keys do not fit the algorithm
 */
export function networkAuthentication(aka: PeAkaParameter, algorithm: AlgoParameter): NetworkAuthentication {
	const { algorithmID, algorithmOptions, key, opc, rotationConstants, xoringConstants, numberOfKeccak } = algorithm;
	const parameters: ProfileAlgorithm = {
		algorithmID,
		algorithmOptions,
		key,
		opc,
		...(rotationConstants && { rotationConstants }),
		...(xoringConstants && { xoringConstants }),
		...(numberOfKeccak !== undefined && { numberOfKeccak }),
	};
	profileAlgorithm(parameters);
	const limit = algorithm.authCounterMax?.reduce((number, octet) => number * 256 + octet, 0) ?? UNLIMITED;
	return {
		algorithm: parameters,
		policy: sequencePolicyOf(aka.sqnOptions?.[0], aka.sqnDelta, aka.sqnAgeLimit),
		sequenceNumbers: Array.from({ length: INDEXES }, (_, i) => sqnToNumber(aka.sqnInit?.[i] ?? new Uint8Array(6))),
		...(limit !== UNLIMITED && { authenticationsLeft: limit }),
	};
}
