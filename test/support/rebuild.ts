import { ChoiceSchema } from "@iot-esim/shared/asn1/choice";
import { ExplicitSchema } from "@iot-esim/shared/asn1/codec";
import { type Kept, KeptSchema } from "@iot-esim/shared/asn1/kept";
import { keep, type Schema } from "@iot-esim/shared/asn1/schema";
import { SequenceOfSchema, SequenceSchema } from "@iot-esim/shared/asn1/sequence";

/**
 * The same value with nothing but its fields: what a decoder remembers of the received octets is dropped, and kept
 * octets are made anew. Encoding it shows what the encoder makes of the values alone.
 */
export function rebuilt(schema: Schema<unknown>, value: unknown): unknown {
	if (schema instanceof ExplicitSchema) return rebuilt(schema.inner, value);
	if (schema instanceof KeptSchema) return keep(schema.inner, rebuilt(schema.inner, (value as Kept<unknown>).value));
	if (schema instanceof SequenceOfSchema) return (value as unknown[]).map((item) => rebuilt(schema.element, item));
	if (schema instanceof ChoiceSchema) return fields(schema.names, schema.alternatives, value);
	if (schema instanceof SequenceSchema) {
		return fields(
			schema.names,
			schema.components.map((component) => component.schema),
			value,
		);
	}
	return value;
}

function fields(names: readonly string[], schemas: readonly Schema<unknown>[], value: unknown): unknown {
	const given = value as Record<string, unknown>;
	const made: Record<string, unknown> = {};
	for (const [i, name] of names.entries()) {
		if (given[name] !== undefined) made[name] = rebuilt(schemas[i] as Schema<unknown>, given[name]);
	}
	return made;
}
