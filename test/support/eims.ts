import type { EimToldToCard } from "@iot-esim/eim/domain/euicc-command";
import { addInitialEimRequest, readEimConfiguration } from "@iot-esim/eim/esipa/eim-configuration";
import type { EimSigner } from "@iot-esim/eim/keys/eim-signer";
import { memoryKey } from "@iot-esim/eim/keys/file-key";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { EimId } from "@iot-esim/shared/ids/eim-id";

/** A fresh signing key of an eIM. */
export function newSigner(): EimSigner {
	return memoryKey(generateKeyPair("P-256").privateKey);
}

/** Another eIM as far as a card is told of it; `told` reads what it gives out for cards, as an operator hands it over. */
export function otherEim(name: string, signer = newSigner()) {
	const eimId = EimId(name);
	const given = () => addInitialEimRequest({ eimId, eimFqdn: name }, signer);
	return {
		eimId,
		signer,
		/** AddInitialEimRequest. */
		given,
		told(): EimToldToCard {
			const { configuration } = readEimConfiguration(given());
			return { eimId, configuration };
		},
	};
}
