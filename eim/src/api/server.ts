import type { Static, TSchema } from "@sinclair/typebox";
import type {
	FastifyBaseLogger,
	FastifyInstance,
	FastifyTypeProvider,
	RawReplyDefaultExpression,
	RawRequestDefaultExpression,
	RawServerDefault,
} from "fastify";

/** Handlers get the types that their schemas say. */
interface TypeBoxTypes extends FastifyTypeProvider {
	validator: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
	serializer: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
}

export type ApiServer = FastifyInstance<
	RawServerDefault,
	RawRequestDefaultExpression<RawServerDefault>,
	RawReplyDefaultExpression<RawServerDefault>,
	FastifyBaseLogger,
	TypeBoxTypes
>;
