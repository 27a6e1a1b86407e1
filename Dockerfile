# One image with every program of the project; docker-compose.yml says which one a container runs.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY shared/package.json shared/package.json
COPY eim/package.json eim/package.json
COPY ipa/package.json ipa/package.json
COPY sim/package.json sim/package.json
COPY shared/src/transport/native/dtls/prebuilds shared/src/transport/native/dtls/prebuilds
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/package.json package.json
COPY --from=build /app/shared/package.json shared/package.json
COPY --from=build /app/shared/dist shared/dist
COPY --from=build /app/shared/src/transport/native/dtls/prebuilds shared/src/transport/native/dtls/prebuilds
COPY --from=build /app/eim/package.json eim/package.json
COPY --from=build /app/eim/dist eim/dist
COPY --from=build /app/ipa/package.json ipa/package.json
COPY --from=build /app/ipa/dist ipa/dist
COPY --from=build /app/sim/package.json sim/package.json
COPY --from=build /app/sim/dist sim/dist
COPY --from=build /app/dist/examples dist/examples
COPY --from=build /app/deploy deploy
COPY --from=build /app/examples/mosquitto examples/mosquitto
# New named volumes take the owner of the folder they are mounted on.
RUN mkdir -p /var/lib/eim /var/lib/sim /var/lib/trust /var/lib/secrets /var/lib/broker \
	&& chown node:node /var/lib/eim /var/lib/sim /var/lib/trust /var/lib/secrets /var/lib/broker
USER node
EXPOSE 8080 8443
CMD ["node", "eim/dist/main.js"]
