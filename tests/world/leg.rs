//! What a phone remembers of one call: its own half of the dialog, and the other half for each fork that spoke (RFC 3261 §12).

use super::text::{Text, tag_of, uri_of};

/// One call at one endpoint.
#[derive(Clone, Debug)]
pub struct Leg {
    pub call_id: String,
    /// From (of a caller) or To (of a callee), with its tag.
    pub own: String,
    /// The other party's address without a tag.
    pub peer: String,
    pub cseq: u32,
    /// The CSeq of the latest INVITE, which its ACK and CANCEL repeat.
    pub invite_cseq: u32,
    /// The latest INVITE sent, for CANCEL.
    pub invite: Option<Text>,
    pub remotes: Vec<Remote>,
}

/// The far end of one dialog.
#[derive(Clone, Debug)]
pub struct Remote {
    pub tag: String,
    pub target: String,
    pub routes: Vec<String>,
}

impl Leg {
    pub fn of_caller(call_id: String, own: String, peer: String) -> Leg {
        Leg { call_id, own, peer, cseq: 0, invite_cseq: 0, invite: None, remotes: Vec::new() }
    }

    /// The leg of whoever was called; `tag` is the one it answers with.
    pub fn of_callee(invite: &Text, tag: &str) -> Leg {
        let header = |name: &str| invite.header(name).unwrap_or_default();
        let from = header("From");
        let remote = Remote {
            tag: tag_of(&from).unwrap_or_default().to_owned(),
            target: uri_of(&header("Contact")).to_owned(),
            routes: invite.values("Record-Route"),
        };
        Leg {
            call_id: header("Call-ID"),
            own: format!("{};tag={tag}", header("To")),
            peer: from.split(";tag=").next().unwrap_or_default().to_owned(),
            cseq: 0,
            invite_cseq: 0,
            invite: None,
            remotes: vec![remote],
        }
    }

    /// Learns from a response to its INVITE: each To-tag is a dialog.
    pub fn hear_response(&mut self, response: &Text) {
        let to = response.header("To").unwrap_or_default();
        let Some(tag) = tag_of(&to) else { return };
        let mut routes = response.values("Record-Route");
        routes.reverse();
        let target = response.header("Contact").map(|contact| uri_of(&contact).to_owned());
        let known =
            self.remotes.iter().position(|remote| remote.tag == tag).map(|at| self.remotes.remove(at));
        let mut remote = known.unwrap_or_else(|| Remote {
            tag: tag.to_owned(),
            target: self.peer.clone(),
            routes: routes.clone(),
        });
        if let Some(target) = target {
            remote.target = target;
        }
        if !routes.is_empty() {
            remote.routes = routes;
        }
        self.remotes.push(remote);
    }

    /// A target refresh (§12.2.2).
    pub fn hear_refresh(&mut self, request: &Text) {
        if let (Some(contact), Some(remote)) = (request.header("Contact"), self.remotes.last_mut()) {
            remote.target = uri_of(&contact).to_owned();
        }
    }

    /// The dialog with the fork whose tag begins like that, else the latest.
    pub fn remote(&self, with: Option<&str>) -> Option<&Remote> {
        match with {
            Some(with) => self.remotes.iter().find(|remote| remote.tag.starts_with(with)),
            None => self.remotes.last(),
        }
    }
}
