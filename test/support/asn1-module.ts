/**
 * A small reader of ASN.1 modules (X.680, as far as the RSP modules use it), independent of the engine that it checks:
 * it turns a module's text into types, and computes the identifier octets that each value starts with.
 */

export interface TextTag {
	readonly tagClass: "APPLICATION" | "PRIVATE" | "CONTEXT";
	readonly number: number;
}

export interface ModuleField {
	readonly name: string;
	readonly type: ModuleType;
	readonly presence: "mandatory" | "optional" | "default";
	/** The tokens after DEFAULT. */
	readonly defaultTokens: readonly string[];
}

export interface ModuleType {
	readonly kind: string;
	readonly tag?: TextTag;
	/** Name behind a reference. */
	readonly reference?: string;
	readonly fields?: readonly ModuleField[];
	readonly element?: ModuleType;
	readonly size?: readonly [number, number];
	readonly range?: readonly [number, number];
	readonly named?: Readonly<Record<string, number>>;
}

export interface Module {
	readonly name: string;
	readonly types: ReadonlyMap<string, ModuleType>;
}

const TOKEN = /::=|'[0-9A-F]*'H|\.\.\.|\.\.|[A-Za-z&][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*|\d+|[{}[\](),.;]/gy;

function tokensOf(text: string): string[] {
	const code = text
		.replace(/[\u2018\u2019]/g, "'")
		.replace(/\/\*[\s\S]*?\*\//g, " ")
		.replace(/--.*$/gm, "");
	const tokens: string[] = [];
	for (let at = 0; at < code.length; ) {
		const space = /\s*/y;
		space.lastIndex = at;
		at += space.exec(code)?.[0].length ?? 0;
		if (at === code.length) break;
		TOKEN.lastIndex = at;
		const token = TOKEN.exec(code)?.[0];
		if (token === undefined) throw new Error(`no token at "${code.slice(at, at + 30)}"`);
		tokens.push(token);
		at += token.length;
	}
	return tokens;
}

class Parser {
	readonly #tokens: readonly string[];
	readonly #values: ReadonlyMap<string, number>;
	#at = 0;

	constructor(tokens: readonly string[], values: ReadonlyMap<string, number>) {
		this.#tokens = tokens;
		this.#values = values;
	}

	get peek(): string {
		return this.#tokens[this.#at] ?? "";
	}

	next(): string {
		return this.#tokens[this.#at++] ?? "";
	}

	take(token: string): boolean {
		if (this.peek !== token) return false;
		this.#at++;
		return true;
	}

	expect(token: string): void {
		const found = this.next();
		if (found === token) return;
		throw new Error(
			`"${token}" expected, "${found}" found before "${this.#tokens.slice(this.#at, this.#at + 8).join(" ")}"`,
		);
	}

	skipTo(token: string): void {
		while (this.next() !== token) if (this.peek === "") throw new Error(`no "${token}"`);
	}

	number(): number {
		const token = this.next();
		if (token === "MAX") return Number.POSITIVE_INFINITY;
		const value = /^\d+$/.test(token) ? Number(token) : this.#values.get(token);
		if (value === undefined) throw new Error(`"${token}" is not a number`);
		return value;
	}

	type(): ModuleType {
		const tag = this.#tag();
		const type = this.#untagged();
		return tag ? { ...type, tag } : type;
	}

	#tag(): TextTag | undefined {
		if (!this.take("[")) return undefined;
		const tagClass = this.take("APPLICATION") ? "APPLICATION" : this.take("PRIVATE") ? "PRIVATE" : "CONTEXT";
		const number = this.number();
		this.expect("]");
		this.take("IMPLICIT");
		return { tagClass, number };
	}

	#untagged(): ModuleType {
		const word = this.next();
		switch (word) {
			case "BOOLEAN":
			case "NULL":
				return { kind: word };
			case "INTEGER":
				return { kind: word, ...this.#names(), ...this.#range() };
			case "BIT":
			case "OCTET":
			case "OBJECT":
				return { kind: `${word} ${this.next()}`, ...this.#names(), ...this.#size() };
			case "UTF8String":
				return { kind: word, ...this.#size() };
			case "SEQUENCE":
			case "CHOICE":
				return this.#structured(word);
			case "OPENTYPE":
				this.expect(".");
				return this.next() === "&typeId" ? { kind: "OBJECT IDENTIFIER" } : { kind: "OPEN" };
			case "CLASS":
				this.skipTo("}");
				return { kind: "CLASS" };
			default:
				return { kind: "REFERENCE", reference: word };
		}
	}

	#structured(word: string): ModuleType {
		const size = this.#size();
		if (this.take("OF")) return { kind: "SEQUENCE OF", element: this.type(), ...size };
		this.expect("{");
		const fields: ModuleField[] = [];
		while (!this.take("}")) {
			if (!this.take("...")) fields.push(this.#field());
			this.take(",");
		}
		return { kind: word, fields };
	}

	#field(): ModuleField {
		const name = this.next();
		const type = this.type();
		if (this.take("OPTIONAL")) return { name, type, presence: "optional", defaultTokens: [] };
		if (!this.take("DEFAULT")) return { name, type, presence: "mandatory", defaultTokens: [] };
		const defaultTokens: string[] = [];
		if (this.take("{")) while (!this.take("}")) defaultTokens.push(this.next());
		else defaultTokens.push(this.next());
		return { name, type, presence: "default", defaultTokens: defaultTokens.filter((token) => token !== ",") };
	}

	#names(): { named?: Record<string, number> } {
		if (!this.take("{")) return {};
		const named: Record<string, number> = {};
		do {
			const name = this.next();
			this.expect("(");
			named[name] = this.number();
			this.expect(")");
		} while (this.take(","));
		this.expect("}");
		return { named };
	}

	#range(): { range?: [number, number] } {
		if (!this.take("(")) return {};
		const range = this.#bounds();
		this.expect(")");
		return { range };
	}

	/** `(SIZE(n))`, `(SIZE (a..b))` and, before OF, the same. */
	#size(): { size?: [number, number] } {
		if (!this.take("(")) return {};
		this.expect("SIZE");
		this.expect("(");
		const size = this.#bounds();
		this.expect(")");
		this.expect(")");
		return { size };
	}

	#bounds(): [number, number] {
		const min = this.number();
		return [min, this.take("..") ? this.number() : min];
	}
}

/** Reads the types of one module; value assignments are used for bounds only. */
export function parseModule(text: string): Module {
	const tokens = tokensOf(text);
	const values = new Map<string, number>();
	for (const [i, token] of tokens.entries()) {
		if (token === "::=" && tokens[i - 1] === "INTEGER") values.set(tokens[i - 2] ?? "", Number(tokens[i + 1]));
	}
	const parser = new Parser(tokens, values);
	const name = parser.peek;
	if (!tokens.slice(0, tokens.indexOf("BEGIN")).join(" ").includes("AUTOMATIC TAGS")) {
		throw new Error(`${name} is not a module with AUTOMATIC TAGS`);
	}
	parser.skipTo("BEGIN");
	const types = new Map<string, ModuleType>();
	while (!parser.take("END")) {
		if (parser.take("IMPORTS") || parser.take("EXPORTS")) parser.skipTo(";");
		else if (/^[a-z]/.test(parser.peek)) skipValue(parser);
		else {
			const typeName = parser.next();
			parser.expect("::=");
			types.set(typeName, parser.type());
		}
	}
	return { name, types };
}

function skipValue(parser: Parser): void {
	parser.skipTo("::=");
	if (parser.take("{")) parser.skipTo("}");
	else parser.next();
}

/** Definitions by name; a module's own come first, then those that it imports. */
export type Scope = (name: string) => ModuleType | undefined;

const UNIVERSAL: Readonly<Record<string, number>> = {
	BOOLEAN: 0x01,
	INTEGER: 0x02,
	"BIT STRING": 0x03,
	"OCTET STRING": 0x04,
	NULL: 0x05,
	"OBJECT IDENTIFIER": 0x06,
	UTF8String: 0x0c,
	SEQUENCE: 0x30,
	"SEQUENCE OF": 0x30,
};

/** Types of the PKIX modules, by the octet that their values start with. */
const PKIX: Readonly<Record<string, number>> = { Certificate: 0x30, CertificateList: 0x30, SubjectPublicKeyInfo: 0x30 };

/** The type that stands behind references, tags left aside. */
export function structureOf(type: ModuleType, scope: Scope): ModuleType {
	if (type.reference === undefined) return type;
	const target = scope(type.reference);
	if (target) return structureOf(target, scope);
	if (type.reference in PKIX) return { kind: "OPAQUE" };
	if (type.reference === "SubjectKeyIdentifier") return { kind: "OCTET STRING" };
	if (type.reference === "Time") return { kind: "OPEN" };
	throw new Error(`no definition of ${type.reference}`);
}

/** True for CHOICE and open types that no tag covers: a tag put on them is EXPLICIT. */
function isUntaggedChoice(type: ModuleType, scope: Scope): boolean {
	if (type.tag) return false;
	if (type.reference === undefined || !scope(type.reference))
		return /^(CHOICE|OPEN)$/.test(structureOf(type, scope).kind);
	return isUntaggedChoice(scope(type.reference) as ModuleType, scope);
}

function isConstructed(type: ModuleType, scope: Scope): boolean {
	return /^(SEQUENCE|SEQUENCE OF|CHOICE|OPEN|OPAQUE)$/.test(structureOf(type, scope).kind);
}

/** Identifier octets as one number, from class and number (X.690 §8.1.2). */
function identifier(tag: TextTag, constructed: boolean): number {
	const first = { APPLICATION: 0x40, CONTEXT: 0x80, PRIVATE: 0xc0 }[tag.tagClass] + (constructed ? 0x20 : 0);
	if (tag.number <= 30) return first + tag.number;
	if (tag.number > 127) throw new Error(`no tag above 127 in these modules: ${tag.number}`);
	return (first + 31) * 256 + tag.number;
}

/**
 * Identifiers that a value of this type may start with; an empty list means any.
 * `automatic` is the number that AUTOMATIC TAGS gives to a component.
 */
export function identifiersOf(type: ModuleType, scope: Scope, automatic?: number): number[] {
	const tag = type.tag ?? (automatic === undefined ? undefined : ({ tagClass: "CONTEXT", number: automatic } as const));
	if (tag) return [identifier(tag, isConstructed(type, scope))];
	if (type.reference !== undefined) {
		const target = scope(type.reference);
		if (target) return identifiersOf(target, scope);
		const pkix = PKIX[type.reference];
		if (pkix !== undefined) return [pkix];
	}
	const structure = structureOf(type, scope);
	if (structure.kind === "OPEN") return [];
	if (structure.kind === "CHOICE") return componentsOf(structure).flatMap(([f, n]) => identifiersOf(f.type, scope, n));
	return [UNIVERSAL[structure.kind] as number];
}

/** Fields with the number that AUTOMATIC TAGS gives them, which is none when any field has a textual tag. */
export function componentsOf(structure: ModuleType): [ModuleField, number | undefined][] {
	const fields = structure.fields ?? [];
	const automatic = !fields.some((field) => field.type.tag);
	return fields.map((field, i) => [field, automatic ? i : undefined]);
}

/** True when the tag on this component, textual or automatic, is EXPLICIT. */
export function isExplicit(type: ModuleType, scope: Scope, automatic?: number): boolean {
	if (!type.tag && automatic === undefined) return false;
	const { tag: _, ...bare } = type;
	return isUntaggedChoice(bare, scope);
}
