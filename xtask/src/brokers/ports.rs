//! Where the brokers listen: on loopback, on ports that nobody else has by habit.

pub const RABBITMQ: u16 = 15673;
pub const RABBITMQ_TLS: u16 = 15674;
pub const RABBITMQ_DISTRIBUTION: u16 = 15675;
pub const RABBITMQ_PORT_MAPPER: u16 = 15676;

pub const KAFKA: u16 = 19092;
pub const KAFKA_CONTROLLER: u16 = 19093;
pub const KAFKA_SASL_TLS: u16 = 19094;
pub const KAFKA_TLS: u16 = 19095;
/// Clients of this one are told to come to [`KAFKA_ADVERTISED`], where a test puts a proxy.
pub const KAFKA_PROXIED: u16 = 19096;
pub const KAFKA_ADVERTISED: u16 = 19097;

pub const ROCKETMQ_NAMES: u16 = 19876;
pub const ROCKETMQ: u16 = 19911;
/// This broker listens on 127.0.0.2 and says that it is on 127.0.0.1, where a test puts a proxy.
pub const ROCKETMQ_PROXIED: u16 = 19931;
pub const ROCKETMQ_ACL_NAMES: u16 = 19976;
pub const ROCKETMQ_ACL: u16 = 19951;
