import type { Device } from "../domain/device.ts";
import { keyIdOf } from "../domain/key-id.ts";
import type { EimSigner } from "../keys/eim-signer.ts";

/**
 * The keys by which cards know this eIM: the one that new cards are told, and those before it that some cards still have.
 * A card verifies packages by the key that it was told last, so each device is signed for with its own.
 */
export class SigningKeys {
	readonly current: EimSigner;
	readonly currentId: string;
	readonly #byId: ReadonlyMap<string, EimSigner>;

	constructor(current: EimSigner, former: readonly EimSigner[] = []) {
		this.current = current;
		this.currentId = keyIdOf(current.publicKey);
		this.#byId = new Map([current, ...former].map((signer) => [keyIdOf(signer.publicKey), signer]));
	}

	/** All of them, the current one first. */
	get ids(): readonly string[] {
		return [...this.#byId.keys()];
	}

	idOf({ signingKeyId }: Pick<Device, "signingKeyId">): string {
		return signingKeyId ?? this.currentId;
	}

	/** Undefined when the key that the card knows is not configured any more. */
	of(device: Pick<Device, "signingKeyId">): EimSigner | undefined {
		return this.#byId.get(this.idOf(device));
	}

	/** The key to try when the card does not accept the device's; undefined where there is no other. */
	after(device: Pick<Device, "signingKeyId">): string | undefined {
		const { ids } = this;
		const next = ids[(ids.indexOf(this.idOf(device)) + 1) % ids.length];
		return next === this.idOf(device) ? undefined : next;
	}
}
