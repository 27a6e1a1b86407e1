import { type Decoder, ExplicitSchema, Schema } from "./codec.ts";
import { type ChoiceValue, type ComponentLike, componentList, decodeWithin, encodeWithin } from "./component.ts";
import { Asn1Error } from "./errors.ts";
import { type Tag, tagHex } from "./tag.ts";
import type { BackwardWriter } from "./tlv-writer.ts";

/** An untagged CHOICE: recognised by the tags of its alternatives; a tag put on it is EXPLICIT (X.680 §31.2.7). */
export class ChoiceSchema<T> extends Schema<T> {
	readonly names: readonly string[];
	readonly alternatives: readonly Schema<unknown>[];
	readonly identifiers: readonly number[];
	private readonly byIdentifier: ReadonlyMap<number, number>;

	constructor(fields: Readonly<Record<string, ComponentLike>>) {
		super();
		this.names = Object.keys(fields);
		this.alternatives = componentList(fields).map((component) => component.schema);
		const byIdentifier = new Map<number, number>();
		for (const [index, alternative] of this.alternatives.entries()) {
			for (const identifier of alternative.identifiers) {
				if (byIdentifier.has(identifier)) throw new TypeError(`two alternatives have tag ${tagHex(identifier)}`);
				byIdentifier.set(identifier, index);
			}
		}
		this.byIdentifier = byIdentifier;
		this.identifiers = [...byIdentifier.keys()];
	}

	accepts(identifier: number): boolean {
		return this.byIdentifier.has(identifier);
	}

	decodeAt(decoder: Decoder, identifier: number, start: number, valueStart: number, end: number): T {
		const index = this.byIdentifier.get(identifier) as number;
		const name = this.names[index] as string;
		const alternative = this.alternatives[index] as Schema<unknown>;
		return { [name]: decodeWithin(alternative, decoder, name, identifier, start, valueStart, end) } as T;
	}

	encodeTo(writer: BackwardWriter, value: T): void {
		const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
		const name = keys[0] ?? "";
		const index = this.names.indexOf(name);
		if (keys.length !== 1 || index < 0) {
			const given = keys.length === 0 ? typeof value : keys.join(", ");
			throw new Asn1Error("ASN1_VALUE_INVALID", `one of ${this.names.join(", ")} is expected, not ${given}`);
		}
		encodeWithin(this.alternatives[index] as Schema<unknown>, writer, name, (value as Record<string, unknown>)[name]);
	}

	retag(tag: Tag): Schema<T> {
		return new ExplicitSchema(tag, this);
	}
}

export const choice = <const F extends Readonly<Record<string, ComponentLike>>>(
	alternatives: F,
): ChoiceSchema<ChoiceValue<F>> => new ChoiceSchema<ChoiceValue<F>>(alternatives);
