import { ChoiceSchema } from "../asn1/choice.ts";
import { ExplicitSchema, type Schema } from "../asn1/codec.ts";
import type { Component } from "../asn1/component.ts";
import { AnyValueSchema, KeptSchema, OpaqueSchema } from "../asn1/kept.ts";
import { Asn1Error } from "../asn1/schema.ts";
import { SequenceOfSchema, SequenceSchema } from "../asn1/sequence.ts";
import { tagHex } from "../asn1/tag.ts";
import { isConstructed } from "../asn1/tlv-reader.ts";
import { laterField } from "../messages/sgp32/dialect/later-fields.ts";
import { toHex } from "../util/bytes.ts";
import { type Header, readHeader } from "./lenient-tlv.ts";
import type { InspectNode } from "./node.ts";
import { plainName } from "./plain-names.ts";
import { describePlain } from "./plain-values.ts";
import { isProfileType, isSecretField, maskedText } from "./secrets.ts";
import { describeValue } from "./values.ts";

/** Where the walker is. */
export interface Scope {
	/** Type that the element is a field of. */
	readonly owner: string;
	readonly field: string;
	readonly isSecret: boolean;
	/** Inside of a profile package, where octets that are not understood may be keys. */
	readonly isProfile: boolean;
	readonly depth: number;
}

const TOP: Scope = { owner: "", field: "", isSecret: false, isProfile: false, depth: 0 };

const MAX_DEPTH = 48;
/** More lines than this help nobody, and hostile octets could ask for millions. */
const MAX_NODES = 20_000;

/** Reads what is special about a type; undefined when there is nothing special about these octets. */
export type SpecialReader = (walker: Walker, header: Header, name: string, scope: Scope) => InspectNode | undefined;

export interface WalkOptions {
	readonly showSecrets: boolean;
	/** By type name: certificates, blocks of packages. */
	readonly special: Readonly<Record<string, SpecialReader>>;
	/** The octets look like a profile package, whatever they are read as: what is not understood is masked. */
	readonly isProfile: boolean;
	/** By field name: what an octet string contains. */
	readonly nested: Readonly<Record<string, Schema<unknown>>>;
}

type Whole = Partial<Omit<InspectNode, "name" | "tag" | "offset" | "length">>;

/**
 * Goes along a schema through octets and notes what it finds. It never throws: what does not fit the schema is shown as
 * plain TLVs with an error, and what is cut off as far as it goes.
 */
export class Walker {
	readonly bytes: Uint8Array;
	readonly options: WalkOptions;
	/** Where it begins. */
	readonly top: Scope;
	/** How badly the octets fit: for comparing types. */
	misfit = 0;
	/** From here on the comparison is lost, and the rest is not looked at. */
	giveUpAbove = Number.POSITIVE_INFINITY;
	/** Blocks of a Bound Profile Package were met. */
	hasBlocks = false;
	#nodesLeft = MAX_NODES;

	constructor(bytes: Uint8Array, options: WalkOptions) {
		this.bytes = bytes;
		this.options = options;
		this.top = { ...TOP, isProfile: options.isProfile };
	}

	/** One element at `offset`, of this type, or as plain TLV without one; and where the next one begins. */
	element(
		schema: Schema<unknown> | undefined,
		name: string,
		offset: number,
		limit: number,
		scope: Scope = this.top,
	): { readonly node: InspectNode; readonly next: number } {
		if (this.misfit > this.giveUpAbove) return { node: { name, offset, length: limit - offset }, next: limit };
		const header = readHeader(this.bytes, offset, limit);
		if ("error" in header) return { node: this.rest(name, offset, limit, header.error, scope), next: limit };
		if (--this.#nodesLeft < 0 || scope.depth > MAX_DEPTH) {
			const error = this.#nodesLeft < 0 ? `more than ${MAX_NODES} elements` : `nested deeper than ${MAX_DEPTH}`;
			return { node: this.rest(name, offset, limit, error, scope), next: limit };
		}
		if (header.missing > 0) this.misfit += 2;
		return { node: this.#typed(schema, name, header, scope), next: header.end };
	}

	/** Elements one after another, without a type. */
	plainElements(start: number, end: number, scope: Scope = this.top): InspectNode[] {
		const nodes: InspectNode[] = [];
		for (let at = start; at < end; ) {
			const { node, next } = this.element(undefined, "", at, end, inside(scope));
			nodes.push(node);
			at = next;
		}
		return nodes;
	}

	/** Octets that are no element. */
	rest(name: string, offset: number, limit: number, reason: string, scope: Scope): InspectNode {
		this.misfit += 5;
		const octets = this.bytes.subarray(offset, limit);
		return {
			name: name || "octets",
			...{ offset, length: octets.length, error: `${reason} (offset ${offset})` },
			...this.#octets(octets, scope.isSecret || scope.isProfile),
		};
	}

	/** A node for this element. */
	node(name: string, header: Header, what: Whole): InspectNode {
		const { tag, start, valueStart, end, missing } = header;
		const there = end - valueStart;
		const cut =
			missing > 0
				? { error: `cut off: ${there + missing} octets announced, ${there} are there (offset ${start})` }
				: {};
		return { name: name || plainName(tag), tag: tagHex(tag), offset: start, length: end - start, ...what, ...cut };
	}

	#octets(octets: Uint8Array, isSecret: boolean): Pick<InspectNode, "hex" | "isMasked" | "value"> {
		if (!isSecret || this.options.showSecrets || octets.length === 0) return { hex: toHex(octets) };
		return { isMasked: true, value: maskedText(octets.length) };
	}

	#typed(schema: Schema<unknown> | undefined, name: string, header: Header, scope: Scope): InspectNode {
		if (schema === undefined) return this.plain(name, header, scope);
		const { typeName } = schema;
		const within = isProfileType(typeName) ? { ...scope, isProfile: true } : scope;
		const special = this.options.special[typeName]?.(this, header, name, within);
		if (special !== undefined) return special;
		if (!schema.accepts(header.tag)) {
			this.misfit += 5;
			const found = this.plain(name, header, within);
			const expected = schema.identifiers.length > 8 ? "another" : schema.expectation();
			const error = `tag ${tagHex(header.tag)} where ${expected} is expected (offset ${header.start})`;
			return { ...found, error };
		}
		if (schema instanceof KeptSchema)
			return this.#named(this.#typedInside(schema.inner, name, header, within), typeName);
		if (schema instanceof ChoiceSchema) return this.#choice(schema, name, header, within);
		if (schema instanceof ExplicitSchema) return this.#explicit(schema, name, header, within);
		if (schema instanceof SequenceSchema) return this.#sequence(schema, name, header, within);
		if (schema instanceof SequenceOfSchema) return this.#list(schema, name, header, within);
		if (schema instanceof OpaqueSchema || schema instanceof AnyValueSchema)
			return this.plain(name, header, within, typeName);
		return this.#primitive(schema, name, header, within);
	}

	/** What is kept may stand under the tag of its component instead of its own. */
	#typedInside(inner: Schema<unknown>, name: string, header: Header, scope: Scope): InspectNode {
		if (inner.accepts(header.tag)) return this.#typed(inner, name, header, scope);
		const own = inner.identifiers[0];
		if (own === undefined) return this.plain(name, header, scope);
		return { ...this.#typed(inner, name, { ...header, tag: own }, scope), tag: tagHex(header.tag) };
	}

	#named(node: InspectNode, typeName: string): InspectNode {
		return node.type === undefined && typeName !== "" ? { ...node, type: typeName } : node;
	}

	#choice(schema: ChoiceSchema<unknown>, name: string, header: Header, scope: Scope): InspectNode {
		const index = schema.alternatives.findIndex((alternative) => alternative.accepts(header.tag));
		const arm = schema.names[index] ?? "";
		const owner = schema.typeName || scope.owner;
		const inner = { ...scope, owner, field: arm, isSecret: scope.isSecret || isSecretField(owner, arm) };
		const label = name === "" || name === schema.typeName ? arm : `${name}.${arm}`;
		return this.#typed(schema.alternatives[index], label, header, inner);
	}

	#explicit(schema: ExplicitSchema<unknown>, name: string, header: Header, scope: Scope): InspectNode {
		const children: InspectNode[] = [];
		let at = header.valueStart;
		if (at < header.end) {
			const owner = schema.typeName || scope.owner;
			const { node, next } =
				this.#later(owner, at, header.end, scope) ??
				this.element(schema.inner, "", at, header.end, { ...inside(scope), owner });
			children.push(node);
			at = next;
		} else this.misfit += 4;
		if (at < header.end) children.push(...this.#surplus(at, header.end, scope, "octets follow the value"));
		return this.node(name, header, { ...typeOf(schema), children });
	}

	#surplus(start: number, end: number, scope: Scope, note: string): InspectNode[] {
		this.misfit += 3;
		return this.plainElements(start, end, scope).map((node) => ({ ...node, note }));
	}

	#sequence(schema: SequenceSchema<unknown>, name: string, header: Header, scope: Scope): InspectNode {
		const children: InspectNode[] = [];
		const missing: string[] = [];
		const owner = schema.typeName || scope.owner;
		let index = 0;
		for (let at = header.valueStart; at < header.end; ) {
			const found = this.#componentAt(schema, at, header.end, index);
			if (found === undefined) {
				const later = this.#later(owner, at, header.end, scope);
				if (later !== undefined) {
					children.push(later.node);
					at = later.next;
					continue;
				}
				const { node, next } = this.element(undefined, "", at, header.end, inside(scope));
				// What has no fields at all is hardly meant when there are some.
				this.misfit += schema.components.length === 0 ? 8 : 3;
				children.push(node.error === undefined ? { ...node, note: `no field of ${owner || "this SEQUENCE"}` } : node);
				at = next;
				continue;
			}
			missing.push(...mandatoryBetween(schema, index, found));
			const field = schema.names[found] as string;
			const isSecret = scope.isSecret || isSecretField(owner, field);
			const inner = { ...inside(scope), owner, field, isSecret };
			const { node, next } = this.element(
				(schema.components[found] as Component<unknown, boolean>).schema,
				field,
				at,
				header.end,
				inner,
			);
			children.push(node);
			index = found + 1;
			at = next;
		}
		missing.push(...mandatoryBetween(schema, index, schema.components.length));
		const isWhole = header.missing === 0 && missing.length > 0;
		if (isWhole) this.misfit += 4 * missing.length;
		const error = isWhole ? { error: `without ${missing.join(", ")} (offset ${header.start})` } : {};
		return this.node(name, header, { ...typeOf(schema), children, ...error });
	}

	/** A component or an alternative that came with a later version than that of the schemas. */
	#later(owner: string, offset: number, limit: number, scope: Scope) {
		const header = readHeader(this.bytes, offset, limit);
		const later = "error" in header ? undefined : laterField(owner, header.tag);
		if (later === undefined) return undefined;
		const inner = { ...inside(scope), owner, field: later.name };
		const { node, next } = this.element(later.schema, later.name, offset, limit, inner);
		return { node: { ...node, note: "since version 1.3" }, next };
	}

	#componentAt(schema: SequenceSchema<unknown>, offset: number, limit: number, from: number): number | undefined {
		const header = readHeader(this.bytes, offset, limit);
		if ("error" in header) return undefined;
		const accepts = (component: Component<unknown, boolean>, index: number) =>
			index >= from && component.schema.accepts(header.tag);
		const found = schema.components.findIndex(accepts);
		return found < 0 ? undefined : found;
	}

	#list(schema: SequenceOfSchema<unknown>, name: string, header: Header, scope: Scope): InspectNode {
		const children: InspectNode[] = [];
		const owner = schema.element.typeName || scope.owner;
		for (let at = header.valueStart; at < header.end; ) {
			const inner = { ...inside(scope), owner };
			const { node, next } = this.element(schema.element, `[${children.length}]`, at, header.end, inner);
			children.push(node);
			at = next;
		}
		const value = children.length === 0 && header.missing === 0 ? { value: "empty list" } : {};
		return this.node(name, header, { ...typeOf(schema), ...value, children });
	}

	#primitive(schema: Schema<unknown>, name: string, header: Header, scope: Scope): InspectNode {
		const type = typeOf(schema);
		const octets = this.bytes.subarray(header.valueStart, header.end);
		const shown = this.#octets(octets, scope.isSecret);
		if (shown.isMasked || header.missing > 0) return this.node(name, header, { ...type, ...shown });
		try {
			const place = { typeName: schema.typeName, field: scope.field, owner: scope.owner };
			const children = this.#nested(header, scope);
			if (children !== undefined) return this.node(name, header, { ...type, children });
			const value = describeValue(schema, this.bytes, header, place);
			return this.node(name, header, { ...type, ...shown, ...(value === undefined ? {} : { value }) });
		} catch (error) {
			if (!(error instanceof Asn1Error)) throw error;
			this.misfit += 4;
			return this.node(name, header, { ...type, ...shown, error: `${error.reason} (offset ${header.start})` });
		}
	}

	/** The message inside of an octet string, where it is one from end to end. */
	#nested({ valueStart, end }: Header, scope: Scope): readonly InspectNode[] | undefined {
		const schema = this.options.nested[scope.field];
		const header = readHeader(this.bytes, valueStart, end);
		if (schema === undefined || "error" in header || header.end !== end || header.missing > 0) return undefined;
		return [this.element(schema, schema.typeName, valueStart, end, inside(scope)).node];
	}

	/** An element without a type, or of one that is not looked into. */
	plain(name: string, header: Header, scope: Scope, typeName = ""): InspectNode {
		const type = typeName === "" ? {} : { type: typeName };
		if (isConstructed(header.tag)) {
			const children = this.plainElements(header.valueStart, header.end, scope);
			return this.node(name, header, { ...type, children });
		}
		const octets = this.bytes.subarray(header.valueStart, header.end);
		const shown = this.#octets(octets, scope.isSecret || scope.isProfile);
		if (shown.isMasked) return this.node(name, header, { ...type, ...shown });
		const value = describePlain(header.tag, octets);
		return this.node(name, header, { ...type, ...shown, ...(value === undefined ? {} : { value }) });
	}
}

function inside(scope: Scope): Scope {
	return { ...scope, depth: scope.depth + 1 };
}

function typeOf(schema: Schema<unknown>): { readonly type?: string } {
	return schema.typeName === "" ? {} : { type: schema.typeName };
}

function mandatoryBetween(schema: SequenceSchema<unknown>, from: number, to: number): string[] {
	return schema.names.slice(from, to).filter((_name, i) => !schema.components[from + i]?.isOptional);
}
