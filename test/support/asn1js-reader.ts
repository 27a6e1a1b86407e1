import { ChoiceSchema } from "@iot-esim/shared/asn1/choice";
import { ExplicitSchema } from "@iot-esim/shared/asn1/codec";
import { AnyValueSchema, KeptSchema, OpaqueSchema } from "@iot-esim/shared/asn1/kept";
import {
	BitStringSchema,
	BooleanSchema,
	IntegerSchema,
	NullSchema,
	ObjectIdentifierSchema,
	OctetStringSchema,
	Utf8StringSchema,
} from "@iot-esim/shared/asn1/primitive";
import type { Schema } from "@iot-esim/shared/asn1/schema";
import { SequenceOfSchema, SequenceSchema } from "@iot-esim/shared/asn1/sequence";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import * as asn1js from "asn1js";

type Node = asn1js.BaseBlock<asn1js.ValueBlock>;

/** Parses octets with asn1js, which must take all of them. */
export function asn1jsTree(bytes: Uint8Array): Node {
	const exact = bytes.slice();
	const { offset, result } = asn1js.fromBER(exact);
	if (offset !== exact.length) throw new Error(`asn1js read ${offset} of ${exact.length} octets: ${result.error}`);
	return result as unknown as Node;
}

/**
 * The value that asn1js reads, put into the form of our values: asn1js finds tags, lengths and nesting and decodes the
 * primitives; the schema is asked only for the names of fields and the tags to look for.
 */
export function readByAsn1js(schema: Schema<unknown>, bytes: Uint8Array): unknown {
	return readValue(schema, asn1jsTree(bytes));
}

const CLASS_BITS = [0, 0x00, 0x40, 0x80, 0xc0];

function identifierOf(node: Node): number {
	const { tagClass, tagNumber, isConstructed } = node.idBlock;
	const first = (CLASS_BITS[tagClass] ?? 0) + (isConstructed ? 0x20 : 0);
	if (tagNumber < 31) return first + tagNumber;
	if (tagNumber > 127) throw new Error(`tag number ${tagNumber} is not in our modules`);
	return (first + 31) * 256 + tagNumber;
}

function childrenOf(node: Node): Node[] {
	const { value } = node.valueBlock as unknown as { value?: Node[] };
	if (!node.idBlock.isConstructed || !Array.isArray(value)) throw new Error("asn1js read no children");
	return value;
}

function wholeOf(node: Node): Uint8Array {
	return new Uint8Array(node.valueBeforeDecodeView);
}

function contentsOf(node: Node): Uint8Array {
	const whole = wholeOf(node);
	return whole.slice(whole.length - node.lenBlock.length);
}

function readValue(schema: Schema<unknown>, node: Node): unknown {
	if (!schema.accepts(identifierOf(node))) throw new Error(`${schema.typeName}: asn1js read tag ${identifierOf(node)}`);
	if (schema instanceof ExplicitSchema) return readValue(schema.inner, onlyChild(node));
	if (schema instanceof SequenceSchema) return sequenceValue(schema, node);
	if (schema instanceof SequenceOfSchema) return childrenOf(node).map((child) => readValue(schema.element, child));
	if (schema instanceof ChoiceSchema) {
		const index = schema.alternatives.findIndex((alternative) => alternative.accepts(identifierOf(node)));
		return { [schema.names[index] as string]: readValue(schema.alternatives[index] as Schema<unknown>, node) };
	}
	if (schema instanceof KeptSchema) return keptValue(schema, node);
	if (schema instanceof OpaqueSchema) return tlv(schema.own, contentsOf(node));
	if (schema instanceof AnyValueSchema) return wholeOf(node);
	return primitiveValue(schema, contentsOf(node));
}

function onlyChild(node: Node): Node {
	const children = childrenOf(node);
	if (children.length !== 1) throw new Error(`asn1js read ${children.length} values inside an explicit tag`);
	return children[0] as Node;
}

function keptValue(schema: KeptSchema<unknown>, node: Node): unknown {
	if (schema.replaced === undefined) return { value: readValue(schema.inner, node), der: wholeOf(node) };
	const der = tlv(schema.inner.identifiers[0] as number, contentsOf(node));
	return { value: readValue(schema.inner, asn1jsTree(der)), der };
}

function sequenceValue(schema: SequenceSchema<unknown>, node: Node): unknown {
	const children = childrenOf(node);
	const value: Record<string, unknown> = {};
	let next = 0;
	for (const [i, component] of schema.components.entries()) {
		const name = schema.names[i] as string;
		const child = children[next];
		if (child && component.schema.accepts(identifierOf(child))) {
			value[name] = readValue(component.schema, child);
			next++;
		} else if (component.defaultValue !== undefined) value[name] = component.defaultValue;
		else if (!component.isOptional) throw new Error(`asn1js did not read ${name}`);
	}
	if (next !== children.length) throw new Error(`asn1js read ${children.length} fields, ${next} are known`);
	return value;
}

/** Lets asn1js decode contents as the universal type that they are. */
function universal<B>(tag: number, contents: Uint8Array, kind: new (...args: never[]) => B): B {
	const node: unknown = asn1jsTree(tlv(tag, contents));
	if (!(node instanceof kind)) throw new Error(`asn1js did not read a ${kind.name}`);
	return node;
}

function primitiveValue(schema: Schema<unknown>, contents: Uint8Array): unknown {
	if (schema instanceof BooleanSchema) return universal(0x01, contents, asn1js.Boolean).getValue();
	if (schema instanceof NullSchema) return universal(0x05, contents, asn1js.Null) && null;
	if (schema instanceof IntegerSchema) return Number(universal(0x02, contents, asn1js.Integer).toBigInt());
	if (schema instanceof OctetStringSchema) return contents;
	if (schema instanceof Utf8StringSchema) return universal(0x0c, contents, asn1js.Utf8String).getValue();
	if (schema instanceof ObjectIdentifierSchema) return universal(0x06, contents, asn1js.ObjectIdentifier).getValue();
	if (schema instanceof BitStringSchema) {
		const { unusedBits, valueHexView } = universal(0x03, contents, asn1js.BitString).valueBlock;
		const bits = Array.from(valueHexView, (octet) => octet.toString(2).padStart(8, "0")).join("");
		return bits.slice(0, bits.length - unusedBits);
	}
	throw new Error(`nothing reads ${schema.constructor.name}`);
}
