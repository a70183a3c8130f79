//! Which versions of the guides a deployment says it serves, and whose profiles its resources claim. Searches and reads are the
//! same whatever is chosen here: they do what all versions together demand.

/// A set of versions that belong together, by its US Core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guides {
    /// US Core 3.1.1, C4BB 2.0.0, PDex 2.0.0, HRex 1.0.0.
    UsCore3,
    /// US Core 6.1.0, C4BB 2.1.0, PDex 2.1.0, HRex 1.1.0.
    #[default]
    UsCore6,
    /// US Core 7.0.0, C4BB 2.2.0, PDex 2.2.0, HRex 1.2.0.
    UsCore7,
}

/// Who publishes profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guide {
    /// FHIR itself.
    Fhir,
    /// US Core.
    UsCore,
    /// CARIN Blue Button.
    CarinBb,
    /// Da Vinci Payer Data Exchange.
    Pdex,
    /// Da Vinci Health Record Exchange.
    Hrex,
    /// Structured Data Capture.
    Sdc,
}

impl Guides {
    /// As the template's parameter `Guides` names it: the version of US Core.
    pub fn named(name: &str) -> Option<Guides> {
        match name {
            "3.1.1" => Some(Guides::UsCore3),
            "6.1.0" => Some(Guides::UsCore6),
            "7.0.0" => Some(Guides::UsCore7),
            _ => None,
        }
    }

    /// The guide's version in this set; `None` where the set does not say.
    pub fn version(self, guide: Guide) -> Option<&'static str> {
        let of = |versions: [&'static str; 3]| Some(versions[self as usize]);
        match guide {
            Guide::Fhir => Some("4.0.1"),
            Guide::UsCore => of(["3.1.1", "6.1.0", "7.0.0"]),
            Guide::CarinBb | Guide::Pdex => of(["2.0.0", "2.1.0", "2.2.0"]),
            Guide::Hrex => of(["1.0.0", "1.1.0", "1.2.0"]),
            Guide::Sdc => None,
        }
    }

    /// A canonical of the guide, bare and with its version: clients compare it either way.
    pub fn canonicals(self, guide: Guide, path: &str) -> Vec<String> {
        let bare = format!("http://hl7.org/fhir{}/{path}", guide.folder());
        let versioned = self.version(guide).map(|version| format!("{bare}|{version}"));
        std::iter::once(bare).chain(versioned).collect()
    }

    /// The guides' own statements that this server keeps to, each as a whole. Since 2.1 the first one of `PDex` demands Group,
    /// which names other members and is not served to a member's app; the second one, for US Core 6.1, does not.
    pub fn instantiates(self) -> Vec<String> {
        let of_pdex = if self == Guides::UsCore3 { "pdex-server" } else { "pdex-server-6-1" };
        let named = [(Guide::UsCore, "us-core-server"), (Guide::CarinBb, "c4bb"), (Guide::Pdex, of_pdex)];
        let canonicals = |(guide, id)| self.canonicals(guide, &format!("CapabilityStatement/{id}"));
        named.into_iter().flat_map(canonicals).collect()
    }

    /// The guides, each in its version.
    pub fn implementation_guides(self) -> Vec<String> {
        let packages = [
            (Guide::UsCore, "hl7.fhir.us.core"),
            (Guide::CarinBb, "hl7.fhir.us.carin-bb"),
            (Guide::Pdex, "hl7.fhir.us.davinci-pdex"),
            (Guide::Hrex, "hl7.fhir.us.davinci-hrex"),
        ];
        let of = |(guide, id)| self.canonicals(guide, &format!("ImplementationGuide/{id}")).pop();
        packages.into_iter().filter_map(of).collect()
    }
}

impl Guide {
    fn folder(self) -> &'static str {
        match self {
            Guide::Fhir => "",
            Guide::UsCore => "/us/core",
            Guide::CarinBb => "/us/carin-bb",
            Guide::Pdex => "/us/davinci-pdex",
            Guide::Hrex => "/us/davinci-hrex",
            Guide::Sdc => "/uv/sdc",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_named_by_its_us_core() {
        assert_eq!(Guides::named("6.1.0"), Some(Guides::default()));
        assert_eq!(Guides::named("3.1.1").and_then(|guides| guides.version(Guide::CarinBb)), Some("2.0.0"));
        assert_eq!(Guides::named("5.0.1"), None);
    }
}
